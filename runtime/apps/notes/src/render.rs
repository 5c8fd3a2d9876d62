//! Markdown to HTML that is safe to show: no raw HTML, and links only to the web and to mail.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

fn safe(link: CowStr<'_>) -> CowStr<'_> {
    let lower = link.trim_start().to_ascii_lowercase();
    let allowed = ["https://", "http://", "mailto:", "#"].iter().any(|start| lower.starts_with(start));
    if allowed { link } else { CowStr::Borrowed("#") }
}

/// The note as HTML.
pub fn render(markdown: &str) -> String {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let events = Parser::new_ext(markdown, options).map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: safe(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: safe(dest_url), title, id })
        }
        other => other,
    });
    let mut out = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut out, events);
    out
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn only_safe_html_comes_out() {
        for (markdown, expected) in [
            ("# Title", "<h1>Title</h1>\n"),
            ("*a* ~~b~~", "<p><em>a</em> <del>b</del></p>\n"),
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("a <img src=x onerror=alert(1)>", "<p>a &lt;img src=x onerror=alert(1)&gt;</p>\n"),
            ("[x](javascript:alert(1))", "<p><a href=\"#\">x</a></p>\n"),
            ("[x]( JavaScript:alert(1))", "<p><a href=\"#\">x</a></p>\n"),
            ("[x](https://example.org/a\"b)", "<p><a href=\"https://example.org/a%22b\">x</a></p>\n"),
            ("[x](data:text/html,hi)", "<p><a href=\"#\">x</a></p>\n"),
        ] {
            assert_eq!(render(markdown), expected, "{markdown}");
        }
    }
}
