# 页面自己发现的问题。

problem-unreachable = 此页面暂时无法连接 Granary。
    .title = Granary 没有响应
    .remedy = 它可能正在重新启动。如果一直如此，请点击 Granary 的图标打开它。
problem-broken-off = Granary 在完成之前停止了响应。
    .title = 连接中断
    .remedy = 请重试。
problem-login-needed = 此浏览器没有登录 Granary，或登录已结束。
    .title = 请重新打开 Granary
    .remedy = 点击 Granary 的图标打开，或运行“granary open”并打开链接。
problem-page-error = 这是 Granary 页面的错误，与您的谷粒无关。
    .title = 此页面出错了
    .remedy = 请重新加载页面。
problem-unexpected-answer = 响应的状态是 { $status }。
    .title = 此页面不明白 Granary 的响应
    .remedy = 请重新加载页面；它可能比 Granary 本身旧。
problem-not-a-package-file = Granary 安装应用包。应用包是单个文件，名称大多以 .spk 结尾。
    .title = { $name } 不是应用
    .remedy = 请选择应用包文件。
problem-session-keeps-ending = 浏览器每次打开时都会丢弃它的 Cookie。
    .title = 此谷粒无法保持打开
    .remedy = 请在此浏览器中允许 granary.localhost 的 Cookie，然后重试。
