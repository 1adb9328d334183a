use super::*;
use crate::testing;

fn page() -> String {
    let candidates = vec![testing::drifted(), testing::unchanged(), testing::halted()];
    render(&Report::new(candidates, false, vec![]))
}

#[test]
fn the_page_without_its_style() {
    let page = page().replace(STYLE, "").replace(SCRIPT, "");
    insta::assert_snapshot!("page", page);
}

#[test]
fn it_asks_nothing_of_anybody() {
    let page = page();
    assert_eq!(addresses(&page), BTreeSet::new());
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn what_was_recorded_is_no_markup() {
    let page = page();
    assert!(page.contains("&lt;b&gt;&amp;amp;"));
    assert!(!page.contains("<b>&"));
}

#[test]
fn every_link_has_its_case_and_equal_ones_share_it() {
    let page = page();
    let links: BTreeSet<&str> = page
        .split("href=\"#")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    for link in links {
        assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
    }
    let fresh = page.matches("<h2>current/fresh</h2>").count();
    assert_eq!(fresh, 1, "three releases on which it is the same");
}
