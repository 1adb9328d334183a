use super::*;
use crate::testing::{Heard, output};

fn events(chunks: &[&str]) -> Vec<Event> {
    let chunks: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.as_bytes()).collect();
    events_after(&Redactor::new([], ["hunter2-pw"]), &chunks)
}

fn events_after(redactor: &Redactor, chunks: &[&[u8]]) -> Vec<Event> {
    let heard = Arc::new(Heard::default());
    let call = Arc::new(Call::next("up", None));
    let redactor = Arc::new(redactor.clone());
    let mut listener = Announcer::new(call, redactor, Some(heard.clone())).listener();
    for chunk in chunks {
        listener(Activity::Printed(Stream::Stdout, chunk));
    }
    listener(Activity::Finished(&output(0, None)));
    let mut events = heard.events();
    let last = events.pop();
    assert!(matches!(last, Some(Event::Finished { .. })), "{last:?}");
    events
}

fn lines(events: Vec<Event>) -> Vec<String> {
    let text = |event| match event {
        Event::Line { text, .. } => text,
        other => panic!("{other:?}"),
    };
    events.into_iter().map(text).collect()
}

fn line(text: &str) -> Event {
    Event::Line {
        stream: Stream::Stdout,
        text: text.to_owned(),
    }
}

#[test]
fn lines_are_redacted_and_the_last_needs_no_newline() {
    assert_eq!(events(&["a hunter2-pw\n", "b"]), [line("a ***"), line("b")]);
}

#[test]
fn a_flood_of_lines_is_counted_instead_of_delivered() {
    let most = usize::try_from(LINES_PER_SECOND).expect("small");
    let flood = "x\n".repeat(most + 50);
    let events = events(&[&flood]);
    assert_eq!(events.len(), most + 1);
    let skipped = Event::LinesSkipped {
        stream: Stream::Stdout,
        count: 50,
    };
    assert_eq!(events.last(), Some(&skipped));
}

#[test]
fn lines_are_found_across_chunks() {
    let events = events(&["a", "b\r\nc\n\nd", "", "e\r"]);
    assert_eq!(lines(events), ["ab", "c", "", "de"]);
}

#[test]
fn invalid_utf8_is_replaced() {
    let events = events_after(&Redactor::default(), &[b"\xff!\n"]);
    assert_eq!(lines(events), ["\u{fffd}!"]);
}

#[test]
fn a_long_line_is_cut_and_the_next_one_is_whole() {
    let long = vec![b'x'; 10 * READ];
    for chunks in [
        vec![&long[..], b"\nnext\n"],
        vec![&[&long[..], b"\nnext\n"].concat()],
    ] {
        let whole = lines(events_after(&Redactor::default(), &chunks));
        assert_eq!(whole[0].len(), DELIVERED + '…'.len_utf8());
        assert_eq!(whole[1..], ["next"]);
    }
}

#[test]
fn a_secret_across_the_cut_is_masked() {
    let secret = "s3cret".repeat(100);
    let redactor = Redactor::new([], [secret.as_str()]);
    let crowded = format!("{}\n", secret.repeat(40));
    let behind = |before| format!("{}{secret}{}\n", "x".repeat(before), "y".repeat(READ));
    for text in [behind(DELIVERED - 3), behind(READ - 3), crowded] {
        let shown = lines(events_after(&redactor, &[text.as_bytes()]));
        assert!(!shown[0].contains('s'), "{}", shown[0]);
    }
}
