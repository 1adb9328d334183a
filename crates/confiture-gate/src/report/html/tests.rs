use super::*;
use crate::tests as testing;

fn page() -> String {
    render(&testing::several())
}

#[test]
fn the_page_has_the_expected_content() {
    let page = page().replace(STYLE, "").replace(SCRIPT, "");
    insta::assert_snapshot!("page", page);
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let page = page();
    assert_eq!(addresses(&page), BTreeSet::new());
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn recorded_text_is_escaped() {
    let page = page();
    assert!(page.contains("&#60;b&#62;&#38;amp;"));
    assert!(!page.contains("<b>&"));
}

#[test]
fn every_link_leads_to_a_case_and_equal_cases_share_one() {
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
fn a_false_safe_has_no_green_mark_and_no_title_attribute() {
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
