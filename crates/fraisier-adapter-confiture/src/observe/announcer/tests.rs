use super::*;
use crate::testing::Heard;

fn told(chunks: &[&str]) -> Vec<Event> {
    let heard = Arc::new(Heard::default());
    let redactor = Arc::new(Redactor::new([], ["hunter2-pw"]));
    let call = Arc::new(Call::next("up", None));
    let announcer = Announcer::new(call, redactor, Some(heard.clone()));
    for chunk in chunks {
        announcer.printed(Stream::Stdout, chunk.as_bytes());
    }
    announcer.printed_all(Stream::Stdout);
    heard.events()
}

fn line(text: &str) -> Event {
    Event::Line {
        stream: Stream::Stdout,
        text: text.to_owned(),
    }
}

#[test]
fn lines_are_redacted_and_the_last_needs_no_end() {
    assert_eq!(told(&["a hunter2-pw\n", "b"]), [line("a ***"), line("b")]);
}

#[test]
fn a_flood_is_counted_and_not_delivered() {
    let flood = "x\n".repeat(LINES_PER_SECOND as usize + 50);
    let events = told(&[&flood]);
    assert_eq!(events.len(), LINES_PER_SECOND as usize + 1);
    let skipped = Event::LinesSkipped {
        stream: Stream::Stdout,
        count: 50,
    };
    assert_eq!(events.last(), Some(&skipped));
}
