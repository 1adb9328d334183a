use super::*;
use crate::tests as testing;

fn page() -> String {
    render(&testing::several())
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

#[test]
fn no_green_mark_stands_beside_a_false_safe_and_nothing_is_in_a_title_attribute() {
    let page = render(&testing::report(vec![testing::false_safe()]));
    let (_, capabilities) = page.split_once("<h2>Capabilities</h2>").unwrap();
    let row = capabilities
        .lines()
        .find(|line| line.contains("window_safe"))
        .unwrap();
    assert!(!row.contains("class=\"same\""), "{row}");
    assert!(page.contains("class=\"verdict falsesafe\""));
    assert!(!page.contains(" title=\""), "evidence is text");
}

#[test]
fn unchanged_lines_are_folded_and_the_migrations_shown() {
    let page = page();
    assert!(page.contains(" unchanged lines</summary>"));
    assert!(page.contains("Migrations of the case"));
}
