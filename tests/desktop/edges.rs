//! Where a grain's page meets the person's world: links to the outside.

use crate::support::Desktop;

const ADDRESS: &str = "https://example.com/a?secret=in%20the%20address#whole";

fn ids(desktop: &Desktop, title: &str) -> Vec<String> {
    let found = desktop.command("xdotool").args(["search", "--onlyvisible", "--name", &format!("^{title}$")]).output();
    String::from_utf8_lossy(&found.unwrap().stdout).split_whitespace().map(str::to_owned).collect()
}

#[test]
fn a_link_to_the_outside_is_shown_whole_before_the_browser_gets_it() {
    let mut desktop = Desktop::new();
    desktop.start(&[]);
    desktop.eventually("the main window is there", || !ids(&desktop, "Granary").is_empty());
    let page = format!(
        "<!doctype html><style>a{{position:fixed;inset:0}}</style><a href=\"{ADDRESS}\" target=_blank>x</a>\
         <script>onload=()=>fetch('/report',{{method:'POST',body:'here'}})</script>"
    );
    let grain = desktop.grain_of(&page);
    desktop.call("POST", &format!("/grains/{grain}/window"), None).expect("the window is opened");
    let report = desktop.data().join(format!("grains/{grain}/var/report"));
    desktop.eventually("its page is there", || report.exists() && !ids(&desktop, "The page").is_empty());
    let window = ids(&desktop, "The page").remove(0);
    let opened = desktop.folder.path().join("home/opened");
    let main = ids(&desktop, "Granary").len();
    desktop.eventually("a dialog asks", || {
        let mut click = desktop.command("xdotool");
        click.args(["windowactivate", "--sync", &window, "mousemove", "--window", &window, "500", "400", "click", "1"]);
        click.status().unwrap();
        ids(&desktop, "Granary").len() > main
    });
    assert!(!opened.exists(), "nothing is opened before the person says so");
    // Its yes arms after a moment.
    desktop.eventually("the browser gets it", || {
        desktop.command("xdotool").args(["key", "--clearmodifiers", "alt+o"]).status().unwrap();
        opened.exists()
    });
    desktop.eventually("whole", || std::fs::read_to_string(&opened).is_ok_and(|text| text == format!("{ADDRESS}\n")));
    let environment = std::fs::read_to_string(desktop.folder.path().join("home/opened.env")).unwrap();
    for name in ["http_proxy=", "https_proxy=", "all_proxy=", "GIO_USE_PROXY_RESOLVER="] {
        assert!(
            !environment.lines().any(|line| line.starts_with(name)),
            "the browser would be without a network: {name}"
        );
    }
}
