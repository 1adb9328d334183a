use std::fs;

use std::ffi::OsStr;

use super::*;

#[test]
fn versions_are_read_as_confiture_reads_them() {
    for (name, version) in [
        ("001_create_users.up.sql", Some("001")),
        ("20260101120000_add.up.sql", Some("20260101120000")),
        ("005_p.py", Some("005")),
        ("seed.py", Some("seed")),
        ("7.up.sql", Some("7")),
        ("001_a.down.sql", None),
        ("001_a.verify.sql", None),
        ("001_a.sql", None),
        ("__init__.py", None),
        ("_helper.py", None),
        ("_x.up.sql", Some("")),
        ("001_a.up.SQL", None),
        ("README.md", None),
    ] {
        assert_eq!(version_of(OsStr::new(name)).as_deref(), version, "{name}");
    }
}

#[test]
fn the_directory_is_relative_to_the_workdir_and_has_a_default() {
    let base = tempfile::tempdir().expect("a directory");
    let mut ctx = AdapterCtx::new("shop", "test");
    ctx.workdir = base.path().into();
    for (path, expected) in [
        (None, "db/migrations"),
        (Some(""), "db/migrations"),
        (Some("sql dir/ü"), "sql dir/ü"),
    ] {
        ctx.migrations_path = path.map(PathBuf::from);
        let project = Project::in_context(&ctx);
        let directory = base.path().join(expected);
        fs::create_dir_all(&directory).expect("created");
        fs::write(directory.join("002_b.up.sql"), "").expect("written");
        fs::write(directory.join("001_a.py"), "").expect("written");
        fs::create_dir_all(directory.join("sub")).expect("created");
        fs::write(directory.join("sub/003_c.up.sql"), "").expect("written");
        assert_eq!(project.migrations_arg(), expected);
        let found = project.migrations().expect("listed");
        let versions: Vec<&str> = found.iter().map(|it| it.version.as_str()).collect();
        assert_eq!(versions, ["001", "002"]);
        assert_eq!(found[0].path, directory.join("001_a.py"));
    }
}

#[test]
fn a_missing_migrations_directory_is_refused() {
    let base = tempfile::tempdir().expect("a directory");
    fs::write(base.path().join("file"), "").expect("written");
    let mut ctx = AdapterCtx::new("shop", "test");
    ctx.workdir = base.path().into();
    for path in ["missing", "file"] {
        ctx.migrations_path = Some(path.into());
        let error = Project::in_context(&ctx).migrations().unwrap_err().worded();
        assert_eq!(error.kind, AdapterErrorKind::InvalidConfig);
        assert!(error.message.contains(path), "{error}");
    }
}

#[test]
fn a_missing_workdir_is_named_instead_of_the_migrations() {
    let base = tempfile::tempdir().expect("a directory");
    fs::write(base.path().join("file"), "").expect("written");
    let mut ctx = AdapterCtx::new("shop", "test");
    for workdir in ["missing", "file"] {
        ctx.workdir = base.path().join(workdir);
        let error = Project::in_context(&ctx).migrations().unwrap_err().worded();
        assert_eq!(error.kind, AdapterErrorKind::InvalidConfig);
        for part in ["the workdir", workdir, "set `workdir` to"] {
            assert!(error.message.contains(part), "{error}");
        }
        assert!(!error.message.contains("migrations"), "{error}");
    }
}

#[test]
fn a_leading_dash_is_no_option() {
    let mut ctx = AdapterCtx::new("shop", "test");
    ctx.migrations_path = Some("--force".into());
    assert_eq!(Project::in_context(&ctx).migrations_arg(), "./--force");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_are_passed_unchanged() {
    use std::os::unix::ffi::OsStrExt;

    let name = OsStr::from_bytes(b"m\xff");
    let mut ctx = AdapterCtx::new("shop", "test");
    ctx.migrations_path = Some(name.into());
    assert_eq!(Project::in_context(&ctx).migrations_arg(), name);
    assert_eq!(
        version_of(OsStr::from_bytes(b"00\xff_a.up.sql")).as_deref(),
        Some("00\u{fffd}")
    );
}

#[test]
fn files_that_confiture_would_not_run_as_written_are_refused() {
    let base = tempfile::tempdir().expect("a directory");
    let mut ctx = AdapterCtx::new("shop", "test");
    ctx.workdir = base.path().into();
    ctx.migrations_path = Some(".".into());
    let project = Project::in_context(&ctx);
    let shown = |result: Result<(), Fault>| result.err().map(|it| it.worded().message);
    for (name, content, by_up, by_verify, by_preflight) in [
        ("001_a.up.sql", &b"select 1;\0 drop"[..], true, true, true),
        ("001_a.down.sql", b"\0", true, true, true),
        ("001_a.verify.sql", b"\0", true, true, true),
        ("001_a.py", b"\0", false, false, false),
        // confiture says so by itself where it reads the file.
        ("001_a.up.sql", b"-- caf\xe9", false, false, true),
        ("001_a.verify.sql", b"-- caf\xe9", false, true, false),
    ] {
        let path = base.path().join(name);
        std::fs::write(&path, content).expect("written");
        for (result, refused) in [
            (project.migrations().map(drop), by_up),
            (project.verify_files().map(drop), by_verify),
            (project.readable_migrations().map(drop), by_preflight),
        ] {
            let shown = shown(result);
            let names = shown
                .as_ref()
                .is_some_and(|it| it.contains(name) && it.contains("nothing was started"));
            assert_eq!(
                (shown.is_some(), names),
                (refused, refused),
                "{name}: {shown:?}"
            );
        }
        std::fs::remove_file(path).expect("removed");
    }
}

#[test]
fn a_failure_to_decode_names_the_file() {
    let base = tempfile::tempdir().expect("a directory");
    std::fs::write(base.path().join("001_a.up.sql"), b"-- caf\xe9").expect("written");
    let mut ctx = AdapterCtx::new("shop", "test");
    ctx.workdir = base.path().into();
    ctx.migrations_path = Some(".".into());
    let project = Project::in_context(&ctx);
    let failure = |what| Fault::in_config(what, Advice::none());
    let said = "'utf-8' codec can't decode byte 0xe9 in position 57";
    let named = project.naming_undecodable(failure(said)).worded().message;
    assert!(named.contains("not UTF-8: \"001_a.up.sql\""), "{named}");
    let other = project.naming_undecodable(failure("it failed"));
    assert_eq!(other, failure("it failed"));
}

/// A `.py` migration may read files beside a parent of its directory.
#[test]
fn the_directory_of_links_contains_neighbouring_files() {
    let base = tempfile::tempdir().expect("a directory");
    let root = base.path();
    for directory in ["shop/db/migrations", "shop/db/data", "shop/db/links"] {
        std::fs::create_dir_all(root.join(directory)).expect("created");
    }
    for file in [
        "shop/db/migrations/001_a.py",
        "shop/db/b.sql",
        "shop/c",
        "d",
    ] {
        std::fs::write(root.join(file), "").expect("written");
    }
    let around = [
        "project/c",
        "project/db/b.sql",
        "project/db/data",
        "project/db/migrations",
    ];
    let nearest = ["project/b.sql", "project/data", "project/migrations"];
    for (workdir, migrations, directory, beside) in [
        ("shop", "db/migrations", "project/db/links", &around[..]),
        ("shop/", "./db/migrations/", "project/db/links", &around),
        ("shop/db", "migrations", "project/links", &nearest),
        ("shop/db/data", "../migrations", "project/links", &nearest),
        ("d", "/", "project/links", &nearest),
    ] {
        let migrations = match migrations {
            "/" => root.join("shop/db/migrations"),
            relative => root.join(workdir).join(relative),
        };
        let found = links(&root.join(workdir), &migrations, &["001".into()]).expect("listed");
        assert_eq!(found.directory, Path::new(directory), "{migrations:?}");
        let file = found.targets.get(&found.directory.join("001_a.py"));
        assert!(file.is_some_and(|it| it.ends_with("migrations/001_a.py")));
        let places: Vec<&Path> = found.targets.keys().map(PathBuf::as_path).collect();
        for place in beside {
            assert!(places.contains(&Path::new(place)), "{place}: {places:?}");
        }
        assert_eq!(places.len(), beside.len() + 1, "{places:?}");
    }
}
