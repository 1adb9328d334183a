use super::*;

fn knowing(dsn: &str) -> Redactor {
    Redactor::new([dsn], [])
}

#[test]
fn an_unquoted_space_in_a_password_is_masked() {
    for (dsn, said) in [
        (
            "host=h password=ab cdSecret9 dbname=x",
            "missing \"=\" after \"cdSecret9\" in connection info string",
        ),
        (
            "password='ab'cdSecret9 xy9z",
            "missing \"=\" after \"cdSecret9\" near xy9z",
        ),
        ("password = ab cdSecret9", "after \"cdSecret9\""),
        ("password=a=b cdSecret9 host=h", "after \"cdSecret9\""),
    ] {
        let shown = knowing(dsn).text(said).into_owned();
        assert!(
            !shown.contains("Secret9") && !shown.contains("xy9z"),
            "{dsn}: {shown}"
        );
    }
    let kept = "host h, sslmode require, user me";
    for dsn in [
        "password=abcd sslmode=require user=me host=h",
        "password = abcd sslmode = require user = me host = h",
    ] {
        assert_eq!(knowing(dsn).text(kept), kept);
    }
}

#[test]
fn every_secret_that_libpq_finds_is_one() {
    for dsn in [
        "postgresql://h/db?pass%77ord=hV7q-Tz2mXw9",
        "postgresql://h/db?oauth_client_secret=hV7q-Tz2mXw9",
        "host=h password=hV7q-Tz2m\\Xw9",
        "password = x user=u sslpassword = 'hV7q-Tz2mXw9'",
        "scram_client_key=hV7q-Tz2mXw9",
    ] {
        assert_eq!(knowing(dsn).text("(hV7q-Tz2mXw9)"), "(***)", "{dsn}");
    }
}

/// libpq stops at what it cannot read, and so does the reader of connection strings.
#[test]
fn a_password_after_malformed_text_is_masked() {
    for (dsn, said) in [
        ("host=h junk password=hV7q-Tz2 sslmode=require", "hV7q-Tz2"),
        ("host=h junk password = 'hV7q Tz2'", "hV7q Tz2"),
        ("host=h junk password='hV7q Tz2", "hV7q Tz2"),
        (r"host=h junk password='q\'u\\b 9'", r"q'u\b 9"),
        (r"host=h junk password=q\'u9", "q'u9"),
        ("host=h junk password='hV7 Tz2' sslmode=require", "hV7 Tz2"),
        ("postgresql//h/db?password=hV7q Tz2&x=1", "hV7q Tz2"),
    ] {
        let redactor = knowing(dsn);
        assert_eq!(redactor.text(&format!("({said})")), "(***)", "{dsn}");
        for kept in ["junk", "host h", "sslmode require", "x 1"] {
            assert_eq!(redactor.text(kept), kept, "{dsn}");
        }
    }
}

#[test]
fn text_between_encoded_characters_is_masked_unless_short() {
    let redactor = knowing("postgresql://u:abcd%21ef%21ghij@h/db");
    assert_eq!(redactor.text("(abcd) (ef) (ghij)"), "(***) (ef) (***)");
}

#[test]
fn the_long_strings_in_json_are_secrets() {
    let account =
        r#"{"type": "acc\u00f6unt", "keys": ["hV7\n\"Tz2", {"key": "\u00e4\u00f6\u00fc\u00df"}]}"#;
    let redactor = Redactor::new([], [account]);
    assert_eq!(
        redactor.text("(hV7\n\"Tz2) (äöüß) (accö)"),
        "(***) (***) (accö)"
    );
}

#[test]
fn percent_encoding_has_digits_of_either_case() {
    let redactor = knowing("host=h password=zö€9");
    for form in ["z%C3%B6%E2%82%AC9", "z%c3%b6%e2%82%ac9"] {
        assert_eq!(redactor.text(form), MASK, "{form}");
    }
}

#[test]
fn python_escapes_of_other_letters_are_masked() {
    let redactor = knowing("host=h password=zü€😀9");
    for form in [
        r"z\xfc\u20ac\U0001f6009",
        r"z\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x809",
        r"z\u00fc\u20ac\ud83d\ude009",
    ] {
        assert_eq!(redactor.text(form), MASK, "{form}");
    }
}

#[test]
fn a_quoted_value_is_masked_in_every_form() {
    let redactor = knowing(r"host=h password='q\'u\\b99'");
    for form in [r"q'u\b99", r"q\'u\\b99", "q%27u%5Cb99"] {
        assert_eq!(redactor.text(form), MASK, "{form}");
    }
}

#[test]
fn the_whole_connection_string_is_masked() {
    let dsn = "postgresql//u:s3cr3tpw@h/db";
    let said = format!("missing \"=\" after \"{dsn}\" in connection info string\n");
    assert_eq!(
        knowing(dsn).text(&said),
        "missing \"=\" after \"***\" in connection info string\n"
    );
}

#[test]
fn every_form_of_a_password_is_masked() {
    for (dsn, said) in [
        (
            "postgresql://u:p%40ssw%C3%B6rd@h/db",
            vec![
                "p%40ssw%C3%B6rd",
                "p@sswörd",
                "p@ssw\\u00f6rd",
                "p%40ssw%c3%b6rd",
            ],
        ),
        (
            "postgresql://u:hunter2@h1,h2/db",
            vec!["hunter2", "u:hunter2@h1", "xhunter2x"],
        ),
        (
            "postgresql://u@h/db?password=hunter2&sslmode=require",
            vec!["hunter2"],
        ),
        (
            "host=h password=hunter2 user=u",
            vec!["hunter2", "password=hunter2"],
        ),
        (
            "postgresql://h/db?password=ab%40cdef%2Fgh",
            vec!["ab%40cdef%2Fgh", "ab@cdef/gh", "host \"cdef\""],
        ),
        (
            "host=h password='it\\'s so' user=u",
            vec!["it's so", "it\\'s so"],
        ),
        (
            "postgresql://u:ab@cdef/gh@h/db",
            vec![
                "ab@cdef/gh",
                "could not translate host name \"cdef\"",
                "\"cdef/gh@h\"",
            ],
        ),
        (
            "postgresql://u:hunter2",
            vec!["invalid integer value \"hunter2\" for port"],
        ),
        ("postgresql://u:日本語の暗号@h/db", vec!["日本語の暗号"]),
    ] {
        let redactor = knowing(dsn);
        for text in said {
            let masked = redactor.text(text);
            assert!(masked.contains(MASK), "{dsn}: {text} -> {masked}");
            for part in ["hunter2", "40ssw", "@ssw", "cdef", "日本"] {
                assert!(!masked.contains(part), "{dsn}: {text} -> {masked}");
            }
        }
    }
}

#[test]
fn a_short_password_is_masked_where_it_stands_alone() {
    let redactor = knowing("postgresql://u:a@h/db");
    assert_eq!(redactor.text("password is \"a\""), "password is \"***\"");
    assert_eq!(redactor.text("u:a@h"), "***@h");
    assert_eq!(redactor.text("a database"), "*** database");
    assert_eq!(redactor.text("relation data"), "relation data");
}

#[test]
fn host_user_and_database_are_not_masked() {
    let said = "connection to server at \"db.example\", port 5432 failed for user \"app\"";
    assert_eq!(
        knowing("postgresql://app:hunter2@db.example:5432/shop").text(said),
        said
    );
    assert_eq!(
        knowing("postgresql://db.example:5432/shop").text(said),
        said
    );
}

#[test]
fn undeclared_secrets_are_masked_by_their_shape() {
    let redactor = Redactor::default();
    for (text, masked) in [
        ("see postgresql://x:y@z/db, then", "see *** then"),
        ("POSTGRES://x:y@z", "***"),
        ("host=h password=y user=u", "host=h password=*** user=u"),
        ("{'password': 'a b', 'x': 1}", "{'password': '***', 'x': 1}"),
        (
            "password authentication failed",
            "password authentication failed",
        ),
        ("?password=&sslmode=require", "?password=&sslmode=require"),
        (
            "the URL starts with postgresql://",
            "the URL starts with postgresql://",
        ),
        // Any scheme, in any case.
        ("(mysql://u:p@h/db)", "(mysql://u:***@h/db)"),
        ("PostgreSQL+psycopg://u:p@h", "PostgreSQL+psycopg://u:***@h"),
        ("redis://:pa/ss@ss@h:1/0 x", "redis://:***@h:1/0 x"),
        (
            "https://h:80/x@v2 ftp://me@h",
            "https://h:80/x@v2 ftp://me@h",
        ),
        ("https://h/a:b@c", "https://h/a:b@c"),
        // Literals of SQL, also within other literals, cut, or escaped.
        (
            "ALTER ROLE a ENCRYPTED PASSWORD 'it''s' VALID UNTIL 'x'",
            "ALTER ROLE a ENCRYPTED PASSWORD '***' VALID UNTIL 'x'",
        ),
        (
            "OPTIONS (user 'a', password\n'b c')",
            "OPTIONS (user 'a', password\n'***')",
        ),
        (
            "EXECUTE 'ALTER ROLE a PASSWORD ''b c'' '",
            "EXECUTE 'ALTER ROLE a PASSWORD ''***'' '",
        ),
        ("password E'a\\'b' c", "password E'***' c"),
        ("PASSWORD \\'a b\\' c", "PASSWORD \\'***\\' c"),
        ("PASSWORD 'abc...\nline 2", "PASSWORD '***\nline 2"),
        ("PASSWORD NULL, PASSWORD ''", "PASSWORD NULL, PASSWORD ''"),
        ("PASSWORD U&'a\\0062' c", "PASSWORD U&'***' c"),
        ("PASSWORD $$a 'b' c$$ d", "PASSWORD $$***$$ d"),
        ("PASSWORD $x$a$$b$x$ $x$", "PASSWORD $x$***$x$ $x$"),
        ("PASSWORD $$abc...\nline 2", "PASSWORD $$***\nline 2"),
        ("a password $1 of $2", "a password $1 of $2"),
        ("password=$2b$12$x y", "password=*** y"),
        // Assignments and options of a command line.
        ("pwd=y PGPASSWORD=z", "pwd=*** PGPASSWORD=***"),
        ("--password x --user u", "--password *** --user u"),
        (
            "--password=x --passwd 'a b'",
            "--password=*** --passwd '***'",
        ),
        ("--password --user u", "--password --user u"),
        ("a password x", "a password x"),
        ("?oauth_client_secret=x&y=1", "?oauth_client_secret=***&y=1"),
        (
            r#"{\"password\": \"a b\", 1}"#,
            r#"{\"password\": \"***\", 1}"#,
        ),
    ] {
        assert_eq!(redactor.text(text), masked);
    }
}

#[test]
fn other_secrets_of_the_context_are_masked() {
    let redactor = Redactor::new([], ["tok3n-value", "  "]);
    assert_eq!(redactor.text("got tok3n-value"), "got ***");
    assert_eq!(format!("{redactor:?}"), "Redactor(…)");
}

#[test]
fn adjacent_secrets_are_masked_once() {
    let redactor = Redactor::new([], ["first-secret", "second-secret"]);
    for (text, shown) in [
        ("first-secretsecond-secret", "***"),
        ("first-secret second-secret", "*** ***"),
        ("(first-secret)", "(***)"),
    ] {
        assert_eq!(redactor.text(text), shown);
    }
}

#[test]
fn neither_half_of_a_cut_secret_remains() {
    let redactor = knowing("postgresql://u:hunter2-and-more@h/db");
    for cut in 1.."hunter2-and-more".len() {
        let (before, after) = "hunter2-and-more".split_at(cut);
        let mut captured = Captured {
            head: format!("began {before}").into_bytes(),
            omitted: 7,
            tail: format!("{after} ended").into_bytes(),
        };
        redactor.uncut(&mut captured);
        let text = text_of(&captured);
        let text = redactor.text(&text);
        let head = text.trim_start_matches("began ").trim_start_matches(MASK);
        let tail = text.trim_end_matches(" ended").trim_end_matches(MASK);
        assert!(
            head.starts_with('\n') && tail.ends_with('\n'),
            "{cut}: {text}"
        );
        assert!(text.contains("7 bytes omitted"), "{text}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let captured = Captured::from(b"a\xffhunter2\xfe".to_vec());
    let redactor = knowing("postgresql://u:hunter2@h/db");
    assert_eq!(redactor.text(&text_of(&captured)), "a\u{fffd}***\u{fffd}");
}

#[test]
fn a_revision_equal_to_a_password_is_not_masked() {
    assert_eq!(knowing("postgresql://u:001@h/db").identifier("001"), "001");
    assert_eq!(
        knowing("postgresql://u:20260101120000@h/db").identifier("20260101120000"),
        "20260101120000"
    );
    assert_eq!(
        knowing("postgresql://u:s3cr3tpw@h/db").identifier("s3cr3tpw"),
        MASK
    );
    let redactor = knowing("postgresql://u:drop_table@h/db");
    assert_eq!(redactor.identifier("drop_table"), "drop_table");
    assert_eq!(redactor.text("drop_table"), MASK);
}

#[test]
fn bounding_keeps_both_ends_and_whole_characters() {
    let text = "ä".repeat(1000);
    let bounded = Redactor::bounded(&text, 101);
    assert!(
        bounded.len() < 160 && bounded.contains("bytes omitted"),
        "{bounded}"
    );
    assert_eq!(Redactor::bounded("short", 101), "short");
}

/// A password may look like the beginning of what looks like a secret.
#[test]
fn a_secret_that_is_itself_a_lookalikes_beginning_is_masked() {
    for (dsn, secret) in [
        ("host=h password=passwd", "passwd"),
        ("host=h password=postgres://", "postgres://"),
        ("password", "password"),
        ("postgres://", "postgres://"),
    ] {
        let shown = knowing(dsn)
            .text(&format!("it was {secret} there"))
            .into_owned();
        assert_eq!(shown, "it was *** there", "{dsn}");
    }
}

fn masked(secret: &str, text: &str) -> Vec<String> {
    let found = Redactor::new([], [secret]).find(text).into_iter();
    found.map(|span| text[span].to_owned()).collect()
}

#[test]
fn a_fragment_is_found_from_its_first_byte_to_its_last() {
    let secret = "hV7q-Tz2mXw9";
    for (text, fragments) in [
        ("PASSWORD 'hV7q-Tz2m... |", vec!["hV7q-Tz2m"]),
        ("…-Tz2mXw9' and more", vec!["-Tz2mXw9"]),
        ("hV7q-Tz\n2mXw9", vec![]),
        ("hV7q-Tz2mXw9hV7q-Tz2mXw9", vec!["hV7q-Tz2mXw9hV7q-Tz2mXw9"]),
    ] {
        assert_eq!(masked(secret, text), fragments, "{text}");
    }
}

#[test]
fn a_fragment_ends_between_characters() {
    assert_eq!(masked("日本語の暗号", "x日本語"), ["日本語"]);
    assert_eq!(masked("aé日本語", "é日本"), ["é日本"]);
    // Characters that share two of three bytes with one of the secret's.
    assert_eq!(masked("日本語", "x日本誓x"), ["日本誓"]);
    assert_eq!(masked("語abcdefg", "x䪞abcdefg"), ["䪞abcdefg"]);
}

#[test]
fn a_hash_collision_is_no_fragment() {
    let text: String = (0..50_000).map(|number: u32| number.to_string()).collect();
    assert_eq!(masked("hV7q-Tz2mXw9-and-so-on", &text), [""; 0]);
}

/// What bounds the memory: a fragment for each byte, and no automaton.
#[test]
fn a_long_secret_has_one_fragment_for_each_byte() {
    let numbers: Vec<String> = (0..20_000).map(|number: u32| number.to_string()).collect();
    let secret = numbers.join(".");
    let redactor = Redactor::new([], [secret.as_str()]);
    assert!(redactor.fragments.capacity() <= secret.len());
    let found = redactor.find(&format!("({})", &secret[9..]));
    assert!(
        found.len() == 1 && found[0] == (1..secret.len() - 8),
        "{found:?}"
    );
}
