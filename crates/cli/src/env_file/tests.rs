use super::*;

fn parsed(text: impl AsRef<[u8]>) -> Vec<(String, String)> {
    let entries = parse(text.as_ref()).unwrap();
    entries.into_iter().map(|entry| (entry.name, entry.value.to_string())).collect()
}

fn value(text: &str) -> String {
    let [(name, value)] = parsed(text).try_into().unwrap();
    assert_eq!(name, "A");
    value
}

/// The failure, in whose words nothing of the file may stand.
fn refused(text: impl AsRef<[u8]>) -> Error {
    let error = parse(text.as_ref()).map(drop).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    error
}

#[test]
fn a_value_without_quotes_ends_with_its_line_or_a_comment() {
    for (text, expected) in [
        ("A=b", "b"),
        ("A=b\n", "b"),
        ("  A  =  b c  \n", "b c"),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A=#b", "#b"),
        ("A= #b", ""),
        ("A=", ""),
        ("A=\n", ""),
        ("A=b=c==", "b=c=="),
        ("A=b\"c\"'d'", "b\"c\"'d'"),
        ("A=a\\nb", "a\\nb"),
        ("A=ä€😀", "ä€😀"),
        ("A=\tb\t", "b"),
    ] {
        assert_eq!(value(text), expected, "{text:?}");
    }
}

#[test]
fn quotes_keep_white_space_comments_and_lines() {
    for (text, expected) in [
        ("A=' b '", " b "),
        ("A='b # c'", "b # c"),
        ("A='b\\n$c'", "b\\n$c"),
        ("A='b\nc'\n", "b\nc"),
        ("A='' # empty", ""),
        ("A=\"\"", ""),
        ("A=\" b \" # comment", " b "),
        ("A=\"b\\nc\\td\\re\\\"f\\\\g\\$h\\`i\"", "b\nc\td\re\"f\\g$h`i"),
        ("A=\"b\\xc\\\\n\"", "b\\xc\\n"),
        ("A=\"b\nc = d\n# e\nf\"\n", "b\nc = d\n# e\nf"),
        ("A=\"it's\"", "it's"),
        ("A='a \"b\" c'", "a \"b\" c"),
    ] {
        assert_eq!(value(text), expected, "{text:?}");
    }
}

#[test]
fn a_file_of_windows_reads_as_one_of_unix() {
    let unix = "# x\nexport A=b # c\nB='d\ne'\n\nC=\"f\ng\"\nD=\n";
    let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    let pairs = [("A", "b"), ("B", "d\ne"), ("C", "f\ng"), ("D", "")];
    let expected: Vec<_> = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
    assert_eq!(parsed(unix), expected);
    assert_eq!(parsed(windows), expected);
}

#[test]
fn names_may_be_exported() {
    for text in ["export A=b", "  export\tA=b", "A=b"] {
        assert_eq!(value(text), "b", "{text:?}");
    }
    assert_eq!(parsed("export=b"), [("export".to_owned(), "b".to_owned())]);
    assert_eq!(parsed("exported=b"), [("exported".to_owned(), "b".to_owned())]);
}

#[test]
fn an_entry_knows_its_line_and_what_a_shell_would_have_expanded() {
    let entries = parse(b"\n# x\nA='$b\n$c'\nB=\"$b\"\nC=\"\\$b\"\nD=a`b`\n").unwrap();
    let found: Vec<_> = entries.iter().map(|entry| (entry.line, entry.expandable)).collect();
    assert_eq!(found, [(3, false), (5, true), (6, false), (7, true)]);
}

#[test]
fn what_is_wrong_is_told_by_its_line_and_not_by_its_text() {
    let line_of = |text: &str| refused(text).to_string();
    for (text, expected) in [
        ("A=b\ncanary\n", "line 2 is not NAME=value"),
        ("A=b\n1canary=c\n", "line 2 has no proper name"),
        ("canary canary=c\n", "line 1 has no proper name"),
        ("cänary=c", "line 1 has no proper name"),
        ("=canary", "line 1 has no proper name"),
        ("export 1=canary", "line 1 has no proper name"),
        ("\n\nA='canary\ncanary\n", "the quote that begins on line 3 is not closed"),
        ("A=\"canary\\\"\n", "the quote that begins on line 1 is not closed"),
        ("A='b'canary", "line 1 goes on after the closing quote"),
        ("A='b\nc' canary", "line 2 goes on after the closing quote"),
        ("A='b'#canary", "line 1 goes on after the closing quote"),
        ("A=`canary`", "line 1 begins its value with a backtick"),
        ("A=canary\0", "line 1 holds a NUL"),
        ("A=canary\nB=canary\na=canary", "line 3 has the same name as line 1"),
        ("A=canary\nA=canary", "line 2 has the same name as line 1"),
    ] {
        let told = line_of(text);
        assert!(told.starts_with(expected), "{text:?}: {told}");
    }
    assert!(matches!(refused(b"A=b\nB=\xff"), Error::NotText(2)));
    for nothing in ["", "\n", "# canary", "\u{feff}\r\n"] {
        assert!(matches!(refused(nothing), Error::Nothing), "{nothing:?}");
    }
}

#[test]
fn names_and_values_have_their_lengths() {
    let name = "a".repeat(64);
    assert_eq!(parsed(format!("{name}=b"))[0].0, name);
    assert!(matches!(refused(format!("{name}a=canary")), Error::Name(1)));
    let value = "v".repeat(65_536);
    for quote in ["", "'", "\""] {
        assert_eq!(parsed(format!("A={quote}{value}{quote}"))[0].1, value);
        let long = format!("A={quote}{value}v{quote}");
        assert!(matches!(refused(long), Error::TooLong(1)));
    }
}
