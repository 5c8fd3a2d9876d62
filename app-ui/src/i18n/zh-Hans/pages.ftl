# 页面上的文字。术语:“谷粒”(grain)是一份带有自己应用的文档。
# <标签>之间的文字是链接、代码或强调,须保留在标签之间。

product = Granary
grain = 谷粒
grains = 谷粒
app = 应用
apps = 应用
trash = 回收站
settings = 设置
install = 安装
log = 日志
log-in = 登录
not-found = 未找到
welcome-short = 欢迎

## Buttons

undo = 撤销
cancel = 取消
close = 关闭
close-one = 关闭“{ $name }”
more = 更多
less = 收起
details = 详情
rename = 重命名
restore = 还原
restart = 重新启动
uninstall = 卸载
show-log = 查看日志
open-it = 打开
open-alone = 在单独的标签页中打开
move-to-trash = 移到回收站
put-to-sleep = 休眠
delete-for-good = 永久删除
try-again = 重试
show-all = 显示全部
show-fewer = 显示较少
show-more = 再显示 { $count } 条
saved = 已保存
go-to-grains = 前往谷粒列表

## Around every page

skip-to-page = 跳到正文
menu = 菜单
menu-close = 关闭菜单
pages = 页面
open-grains = 已打开的谷粒
open-heading = 已打开
side-widen = 展开侧边栏
side-fold = 折叠侧边栏
messages = 消息
message-close = 关闭此消息
away = Granary 暂时没有响应。
away-text = 恢复后本页会自动继续。您的谷粒是安全的。
put-aside = 暂不显示
put-aside-one = 暂不显示：{ $name }

## Palette and keys

palette = 查找或执行
palette-open = 查找…
palette-hint = 谷粒、应用、页面或命令…
palette-found = { $count ->
   *[other] { $count } 个结果
}
palette-nothing = 没有这样的名称。
palette-here = 当前谷粒
palette-grains = 谷粒
palette-create = 新建
palette-screens = 页面
palette-commands = 命令
shortcuts = 键盘快捷键
key-palette = 查找或执行
key-help = 显示此列表
key-search = 在本页搜索
key-new = 新建谷粒
key-walk = 在列表中移动
key-jump = 按首字母跳到名称
key-open = 打开
key-rename = 重命名
key-delete = 移到回收站，或从中删除
key-pick = 选择
key-stretch = 选择多个
key-all = 全选
key-away = 关闭，或取消选择
theme-light-use = 使用浅色
theme-dark-use = 使用深色
tour-again = 重新查看导览
log-out = 在此浏览器中退出登录

## Grains

search-grains = 搜索谷粒
new-grain = 新建谷粒
column-name = 名称
column-app = 应用
column-size = 大小
column-used = 上次使用
column-state = 状态
column-actions = 操作
select-all = 全选
select-one = 选择“{ $name }”
select-none = 取消选择
selected = { $count ->
   *[other] 已选择 { $count } 个，{ $size }
}
grains-total = { $count ->
    [0] 没有谷粒
   *[other] { $count } 个谷粒，{ $size }
}
new-name = 新名称
new-name-of = “{ $name }”的新名称
rename-one = 重命名“{ $name }”
rename-key = 重命名 (F2)
trash-one = 将“{ $name }”移到回收站
trash-key = 移到回收站 (Delete)
state-running = 运行中
state-running-hint = 它正在工作。
state-starting = 正在启动…
state-starting-hint = 正在唤醒它。
state-stopped = 休眠
state-stopped-hint = 它在休眠，不占内存，使用时自动唤醒。
nothing-found = 没有匹配的谷粒
found-in-trash = { $count ->
   *[other] 但回收站中有 { $count } 个。
}
search-rule = 所有词语都须出现在谷粒或其应用的名称中。
show-all-grains = 显示所有谷粒
look-in-trash = 查看回收站
no-grains = 还没有谷粒
no-grains-text = 谷粒是一份带有自己应用的文档：一则笔记、一个文件夹、一块看板。选择一个应用来创建吧。
choose-app = 选择应用

## Trash

empty-trash = 清空回收站
trash-note = 谷粒在此保留 30 天后删除。在此之前可以还原。
grains-in-trash = 回收站中的谷粒
restore-one = 还原“{ $name }”
restore-key = 还原 (Enter)
delete-one = 永久删除“{ $name }”
delete-key = 永久删除 (Delete)
trash-empty = 回收站是空的
trash-empty-text = 您丢弃的谷粒会在这里保留 30 天，以便您找回。
in-the-trash = 在回收站中

## What was done

toast-trashed = { $count ->
    [1] “{ $name }”已移到回收站
   *[other] { $count } 个谷粒已移到回收站
}
toast-deleted = { $count ->
    [1] 已永久删除“{ $name }”
   *[other] 已永久删除 { $count } 个谷粒
}
toast-uninstalled = 已卸载 { $name }
toast-failed = { $count ->
   *[other] { $count } 个谷粒未能完成：{ $why }
}
task-trashing = 正在将 { $count } 个谷粒移到回收站…
task-restoring = 正在还原 { $count } 个谷粒…
task-deleting = 正在删除 { $count } 个谷粒…
task-stopping = 正在让 { $count } 个谷粒休眠…

## Apps

search-apps = 搜索应用
apps-often = 常用
apps-all = 所有应用
making = 正在创建…
drop-hint = 也可以把应用包拖放到此窗口的任意位置。
no-app-found = 没有匹配的应用
no-app-found-text = 换一个词试试，或安装您要找的应用。
show-all-apps = 显示所有应用
no-apps = 还没有应用
no-apps-text = 每个应用制作一类谷粒：笔记、看板、相册。把应用包（以 .spk 结尾的文件）拖放到此窗口即可安装。
all-apps = 所有应用
see-all-apps = 查看所有应用
version-is = 版本 { $version }
by = 作者：{ $name }
came-with = 随 Granary 提供
its-grains = 它的谷粒
others-in-list = 其余的在<link>全部谷粒列表</link>中。
no-grains-of-app = 还没有。您用 { $name } 创建的谷粒都会列在这里。
signed-by = 签名者
fingerprint-text = 作者密钥的指纹。签名有效；如果作者的身份很重要，请与作者提供的指纹核对。
no-author = 没有作者签名。
no-author-text = 此包完整无损，并与该应用的其他版本出自同一制作者，但无人说明其身份。
version = 版本
space = 占用空间
app-space = { $count ->
    [0] { $size }；没有谷粒
   *[other] { $size }；{ $count } 个谷粒（含回收站）
}
app-id = 应用标识
package = 应用包
app-grains-stay = 它的谷粒会保留，并可继续使用。
app-gone = 此应用未安装
app-gone-grains = 它的谷粒仍在，并可继续使用。
app-gone-text = 它可能已被卸载。

## Installing

install-from-file = 从文件安装
install-from-url = 从网址安装
install-from-url-title = 从网址安装
install-from-url-text = Granary 会下载应用包，检查签名者，并在安装前向您展示它的内容。
install-next = 继续
package-address = 应用包的地址
app-packages = 应用包
drop-to-install = 松开即可安装
installations = 安装
installing = 正在安装 { $name }
install-asking = 正在请求应用包…
install-handing-over = 正在传送文件…
install-downloading = 正在下载…
install-reading = 正在读取文件…
install-checking = 正在检查签名…
install-unpacking = 正在解包…
install-done = { $name } 可以使用了。
install-was-here = { $name } 早已安装。
install-upgraded = { $name } 现为版本 { $version }。{ $moved ->
    [0] {""}
   *[other] { $moved } 个谷粒已随之升级。
}
install-downgraded = { $name } 已退回版本 { $version }。

## An open grain

opening = 正在打开“{ $name }”…
is-in-trash = “{ $name }”在回收站中
is-in-trash-text = 它会在那里保留 30 天。还原后一切如旧。
restore-it = 还原
no-such-grain = 没有这个谷粒
no-such-grain-text = 它可能已被删除，或者地址有误。
grain-problem = 无法显示此谷粒
check-computer = 检查这台电脑
see-storage = 查看空间占用
last-words = 日志的最后几行
log-of = “{ $name }”的日志
log-close = 关闭日志
log-alone = 在单独的标签页中打开日志
log-search = 搜索日志
log-lines = { $count ->
   *[other] { $count } 行
}
log-follow = 跟随
log-save = 保存
log-nothing-found = 没有包含这些词语的行。
log-empty = 它没有输出任何内容。
log-empty-yet = 它还没有输出任何内容。

## First steps

welcome = 欢迎使用 Granary
welcome-lead = 在这台电脑上，为您的文档和制作它们的应用安个家。
begin-with = 从其中一个开始
first-apps-coming = 正在解包首批应用，它们马上会出现在这里。
add-others = 您可以在<link>应用</link>中添加更多。
what-is-grain = 什么是谷粒？
grain-is-one = 一份文档
grain-is-one-text = 一则笔记、一个文件夹、一块看板。每一个都是带有自己应用的谷粒。
grain-is-alone = 各自独立
grain-is-alone-text = 谷粒只能看到自己：看不到别的谷粒、您的文件或网络。
grain-is-yours = 属于您
grain-is-yours-text = 它就在这台电脑上。无需账号，没有网络也能使用。
browser-warned = 浏览器对此页面发出了警告？
browser-warned-text = Granary 使用这台电脑上生成的证书，通过加密连接与浏览器通信。浏览器还不认识它。设置中的<link>证书与浏览器</link>说明了如何让浏览器认识它。
tour = 导览
tour-offer = 初次使用？四条简短的提示带您了解各处。
tour-begin = 开始导览
tour-skip = 跳过
tour-next = 下一步
tour-done = 完成
tour-step = { $step } / { $steps }
tour-apps = 应用制作谷粒
tour-apps-text = 每个应用制作一类文档。更多应用来自应用包文件或网络。
tour-grains = 您的谷粒
tour-grains-text = 您创建的一切都在这里，输入名称的几个字即可找到。丢弃的会在回收站中等候。
tour-palette = 快捷方式
tour-palette-text = 在任何地方按 Ctrl+K，即可找到任何谷粒、页面和命令。按问号查看所有按键。
tour-settings = 随您喜好
tour-settings-text = 语言、颜色、空间，以及这台电脑是否具备 Granary 所需的一切。

## Logging in

log-in-earlier = 继续使用先前的登录
log-in-opening = 正在打开 Granary…
open-again = 请重新打开 Granary
open-again-text = Granary 在运行，但此浏览器尚未登录。无需密码：Granary 只能从您自己的电脑账户打开。
open-from-desktop = 从桌面
open-from-desktop-text = 点击 Granary 的图标打开。
open-from-terminal = 从终端
open-from-terminal-text = 运行 <code>granary open</code> 并打开它给出的链接。链接一分钟内有效，只能使用一次。
nothing-lost = 没有丢失任何东西：您的谷粒都在原处。
clear-cookies = 清除 Cookie
clear-cookies-text = 清除 Cookie 即可解决，不会损害您的谷粒。
no-page = 这里没有页面
no-page-text = 地址可能有误，或者所指的内容已不存在。

## Settings

settings-general = 常规
settings-storage = 空间
settings-certificates = 证书与浏览器
settings-computer = 这台电脑
settings-about = 关于
language = 语言
language-auto = 跟随浏览器
theme = 颜色
theme-system = 跟随桌面
theme-light = 浅色
theme-dark = 深色
your-name = 您的姓名
your-name-text = 应用可以看到。
idle = 让闲置的谷粒休眠，在
idle-text = 休眠的谷粒不占内存，使用时自动唤醒。
port = 端口
port-text = Granary 地址的一部分。新端口从下次启动起生效，届时需要重新登录。
install-local = 允许从本地网络的地址安装应用
install-local-text = 关闭时，拒绝这台电脑及其网络的网址。
limits = 单个谷粒的限额
limits-text = 从谷粒下次启动起生效。
limit-memory = 内存
limit-memory-text = 超出部分会被拒绝。
limit-storage-warning = 空间达到此值时警告
limit-storage-warning-text = 您会看到一条通知。
limit-storage = 空间达到此值时停止
limit-storage-text = 提高限额前它会保持停止。
limit-processes = 进程
limit-processes-text = 包括线程。
limit-processor = 处理器
limit-processor-text = 100 表示一个完整的处理器。留空表示不限。
certificates-text = 页面使用这台电脑上生成的证书，通过加密连接到达浏览器。证书只对 Granary 自己的名称有效，任何人都不能将它用于其他网站。
looking = 正在检查…
look-again = 重新检查
in-order = 正常
needs-attention = 需要注意
address = 地址
data-folder = 数据文件夹

## Looking at a package before it is installed

consent-new = 安装 { $name }？
consent-upgrade = 升级 { $name }？
consent-downgrade = 退回到较旧的 { $name }？
consent-sameVersion = 用另一个构建替换 { $name }？
consent-reinstall = { $name } 已经安装
consent-do-new = 安装
consent-do-upgrade = 升级
consent-do-downgrade = 退回
consent-do-sameVersion = 替换
consent-do-reinstall = 完成
consent-downgrade-text = { $count ->
    [0] 此版本比现有版本旧。
   *[other] 此版本比现有版本旧。{ $count } 个谷粒将继续使用较新的版本。
}
consent-author-changed = 现有版本由另一位作者签名，或没有签名。应用自身的密钥相同，但无人证明作者相同。
consent-may = 它可以
consent-may-not = 它的每个谷粒都与外界隔离：没有网络，看不到您的文件和其他谷粒，除非您交给它。
consent-upgrade-grains = { $count ->
   *[other] 将它的 { $count } 个谷粒升级到此版本
}
asks-own-folder = 在自己的文件夹中保存数据，每个谷粒一个
asks-api = 为您授予密钥的其他程序提供服务
asks-offers = 在您连接时向其他谷粒提供：{ $names }
asks-takes = 在您连接时接收其他谷粒提供的内容
asks-identities = 记住访客的身份
asks-roles = 以不同角色共享：{ $names }
version-from-to = { $from } → { $to }
licence = 许可证
licence-openSource = 开源
licence-proprietary = 专有
licence-publicDomain = 公有领域
install-changing-over = 正在安装…
install-waits = 检查完毕，等待您的答复。
install-gone = 这里没有要安装的内容
install-gone-text = 应用包已安装或已取消，或等待答复的时间过长。请重新打开文件。
look-at-it = 查看
go-to-app = 前往 { $name }

## More about an app

older-grains = { $count ->
   *[other] { $count } 个谷粒使用较旧的版本。
}
newer-grains = { $count ->
   *[other] { $count } 个谷粒使用较新的版本，并将继续使用。
}
upgrade-grains = 升级谷粒
grains-upgraded = { $count ->
   *[other] { $count } 个谷粒将从下次启动起使用当前版本
}
links = 链接
link-website = 网站
link-code = 源代码
description = 说明
change-log = 更新内容
versions = 这台电脑上的版本
version-current = 当前
version-line = { $count ->
    [0] 始于 { $date }，没有谷粒
   *[other] 始于 { $date }，{ $count } 个谷粒
}

## Notifications

notifications = 通知
notifications-clear = 全部清除
unread = { $count ->
   *[other] { $count } 条新通知
}
times = { $count } 次
dismiss = 清除
dismiss-one = 清除：{ $name }
no-notifications = 没有新鲜事
no-notifications-text = 当谷粒出错、空间用满，或有应用包等待您时，会在这里告诉您。

## More settings

desktop = 桌面
open-grains-in = 打开谷粒的位置
open-grains-in-window = 单独的窗口
open-grains-in-browser = 浏览器
switch-restoreWindows = 恢复窗口
switch-restoreWindows-text = 重新启动后，恢复原先打开的窗口。
switch-startAtLogin = 随桌面启动
switch-startAtLogin-text = 您登录这台电脑后，Granary 即已就绪。
switch-closeToTray = 在托盘中继续运行
switch-closeToTray-text = 关闭最后一个窗口后，Granary 和谷粒继续运行。
switch-desktopNotifications = 桌面通知
switch-desktopNotifications-text = 关闭时，通知只出现在列表中。
switch-developerTools = 开发者工具
switch-developerTools-text = 供应用开发者使用。
software-rendering = 不使用显卡绘制
software-rendering-text = 窗口空白或闪烁时的办法。从下次启动起生效。
software-rendering-auto = 由 Granary 决定
software-rendering-on = 总是
software-rendering-off = 从不
in-own-window = 此谷粒有自己的窗口
in-own-window-text = 窗口已经或即将显示在最前面。
show-window = 显示窗口
storage-grains = 谷粒
storage-trash = 回收站
storage-apps = 应用
storage-database = 列表和设置
storage-free = 此磁盘可用空间
storage-free-of = { $free }，共 { $all }
storage-by-grain = 各个谷粒
store-chromium = Chromium、Chrome 及同类浏览器
store-firefox = Firefox
store-system = 整个系统
store-state-trusted = 已信任 Granary
store-state-notTrusted = 尚不认识
store-state-missingTool = 缺少程序
store-state-failed = 未成功
no-stores = 没有找到浏览器。
certificates-install = 让它们信任 Granary
certificates-remove = 撤回信任
certificates-restart = 浏览器重新启动后才会生效。整个系统的列表需要管理员权限：命令行会说明方法。
made-of = 他人的成果
made-of-text = { $count ->
    [0] Granary 由许多人的成果组成。
   *[other] Granary 包含他人的 { $count } 个组件。
}
made-of-search = 按名称或许可证搜索
licence-text = 全文
