//! Cuts SQL into the few tokens that plain additive statements are made of.
//!
//! `PostgreSQL`'s lexer is not rebuilt here. What could be read in two ways is [`Token::Strange`], and
//! nothing after it is looked at.

/// A token, as far as the guard distinguishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword or a plain name, in any case.
    Word(&'a str),
    /// A name of letters, digits and `_` in double quotes, without them.
    Quoted(&'a str),
    /// A constant in single quotes.
    Text,
    /// Digits, perhaps with a fraction.
    Number,
    /// The same after a `-`.
    Negative,
    /// One of `( ) [ ] , . ; =`.
    Mark(u8),
    /// `::`.
    Cast,
    /// Anything else.
    Strange,
    /// The end of the file.
    End,
}

/// Reads tokens one by one. A copy reads on from the same place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(sql: &'a str) -> Self {
        Self { sql, at: 0 }
    }

    /// The number of the line that the next token stands on.
    pub(super) fn line(mut self) -> usize {
        let _ = self.skip_blanks();
        1 + self.sql[..self.at].matches('\n').count()
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        if !self.skip_blanks() {
            return Token::Strange;
        }
        let start = self.at;
        let Some(first) = self.peek(0) else {
            return Token::End;
        };
        match first {
            b'(' | b')' | b'[' | b']' | b',' | b'.' | b';' | b'=' => {
                self.at += 1;
                // `=>`, `=-` and the like are one operator to PostgreSQL.
                if first == b'=' && self.peek(0).is_some_and(is_operator) {
                    return Token::Strange;
                }
                Token::Mark(first)
            }
            b':' if self.peek(1) == Some(b':') && self.peek(2) != Some(b':') => {
                self.at += 2;
                Token::Cast
            }
            b'\'' => self.text(),
            b'"' => self.quoted(),
            b'0'..=b'9' => self.number(),
            b'-' if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) => {
                self.at += 1;
                match self.number() {
                    Token::Number => Token::Negative,
                    strange => strange,
                }
            }
            byte if is_word_start(byte) => {
                self.skip_while(is_word);
                match self.peek(0) {
                    // E'…', U&"…", a$b, and letters that are not ASCII.
                    Some(b'\'' | b'"' | b'$' | b'&' | 0x80..) => Token::Strange,
                    _ => Token::Word(&self.sql[start..self.at]),
                }
            }
            _ => Token::Strange,
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.sql.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&belongs) {
            self.at += 1;
        }
    }

    /// Skips white space and plain comments; false at a comment that is not plain.
    fn skip_blanks(&mut self) -> bool {
        loop {
            self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c));
            match (self.peek(0), self.peek(1)) {
                (Some(b'-'), Some(b'-')) => {
                    self.skip_while(|byte| !matches!(byte, b'\n' | b'\r' | 0));
                }
                (Some(b'/'), Some(b'*')) => {
                    self.at += 2;
                    // Comments nest in PostgreSQL: one inside another is not plain.
                    loop {
                        match (self.peek(0), self.peek(1)) {
                            (Some(b'*'), Some(b'/')) => break self.at += 2,
                            (Some(b'/'), Some(b'*')) | (None | Some(0), _) => return false,
                            _ => self.at += 1,
                        }
                    }
                }
                _ => return true,
            }
        }
    }

    /// A constant. A backslash in it escapes or not, by a setting of the server.
    fn text(&mut self) -> Token<'a> {
        self.at += 1;
        loop {
            match self.peek(0) {
                Some(b'\'') if self.peek(1) == Some(b'\'') => self.at += 2,
                Some(b'\'') => break self.at += 1,
                None | Some(b'\\' | 0) => return Token::Strange,
                Some(_) => self.at += 1,
            }
        }
        Token::Text
    }

    fn quoted(&mut self) -> Token<'a> {
        let start = self.at + 1;
        self.at = start;
        self.skip_while(is_word);
        if self.peek(0) != Some(b'"') || self.at == start || self.peek(1) == Some(b'"') {
            return Token::Strange;
        }
        self.at += 1;
        Token::Quoted(&self.sql[start..self.at - 1])
    }

    fn number(&mut self) -> Token<'a> {
        self.skip_while(|byte| byte.is_ascii_digit());
        if self.peek(0) == Some(b'.') {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        match self.peek(0) {
            // 0x1F, 1e5, 1_000, 1..2: not here.
            Some(b'.' | b'\'' | b'"' | b'$' | 0x80..) => Token::Strange,
            Some(byte) if is_word(byte) => Token::Strange,
            _ => Token::Number,
        }
    }
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_operator(byte: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(sql: &str) -> Vec<Token<'_>> {
        let mut scanner = Scanner::new(sql);
        let mut tokens = Vec::new();
        loop {
            let token = scanner.next();
            tokens.push(token);
            if matches!(token, Token::End | Token::Strange) {
                return tokens;
            }
        }
    }

    #[test]
    fn plain_sql_is_split_like_postgresql_splits_it() {
        use Token::{Cast, End, Mark, Negative, Number, Quoted, Text, Word};
        for (sql, expected) in [
            (
                "a.\"b\" -- c\n/* d */,1",
                vec![Word("a"), Mark(b'.'), Quoted("b"), Mark(b','), Number, End],
            ),
            (
                "'it''s; é'::text[]",
                vec![Text, Cast, Word("text"), Mark(b'['), Mark(b']'), End],
            ),
            (
                "insert 'it''s', 'a'",
                vec![Word("insert"), Text, Mark(b','), Text, End],
            ),
            ("-1 2.5 -3.", vec![Negative, Number, Negative, End]),
            ("--'\r a", vec![Word("a"), End]),
        ] {
            assert_eq!(tokens(sql), expected, "{sql}");
        }
    }

    #[test]
    fn ambiguous_sql_is_strange() {
        for sql in [
            "$1",
            "$$a$$",
            "$a$b$a$",
            "a$b",
            "E'a'",
            "e'a'",
            "U&'a'",
            "U&\"a\"",
            "u & 'a'",
            "B'1'",
            "X'1'",
            "N'a'",
            "'a\\'",
            "'a",
            "\"a",
            "\"\"",
            "\"a\"\"b\"",
            "\"a b\"",
            "/* /* */ */",
            "/* a",
            "a - b",
            "1e5",
            "0x1F",
            "1_000",
            "1..2",
            "1a",
            "@--\n",
            "a||b",
            "a=>b",
            "a=-1",
            ":a",
            ":::a",
            "\\set x",
            "é",
            "a\u{a0}b",
            "\u{feff}a",
            "a\0b",
            "'\0'",
            "-- \0\n",
            "?",
            "%s",
            "a*b",
            "-",
            "- 1",
            "+1",
            "-1a",
            "<",
            "{",
            "\x0ba",
        ] {
            assert_eq!(tokens(sql).last(), Some(&Token::Strange), "{sql:?}");
        }
    }

    #[test]
    fn the_line_is_that_of_the_next_token() {
        let mut scanner = Scanner::new("\n-- a\n  b\nc");
        assert_eq!(scanner.line(), 3);
        assert_eq!(scanner.next(), Token::Word("b"));
        assert_eq!(scanner.line(), 4);
    }
}
