//! What is broken on the way to the database.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;

use postgres::Config;

use super::way::{Breaks, finds, keeps};
use crate::live::cut::proxy::Proxy;
use crate::live::doctor::pooler;
use crate::live::doctor::scene::{DSN, Scene};

/// libpq refuses the connection, and says so.
fn refused(
    scene: &mut Scene<'_>,
    parameters: &str,
    says: &'static str,
) -> anyhow::Result<super::way::Broken> {
    scene.add_to_dsn(parameters);
    finds("connection", "fail", says)
}

pub(super) const ALL: [(&str, Breaks); 17] = [
    ("no secret", |scene| {
        scene.env.remove(DSN);
        finds("secret", "fail", "DATABASE_URL")
    }),
    ("a secret of another database", |scene| {
        scene.replace_in_dsn("postgresql://", "mysql://")?;
        finds("secret", "fail", "PostgreSQL connection string")
    }),
    ("options that keep the disconnect check away", |scene| {
        scene.add_to_dsn("options=-c%20work_mem%3D9MB");
        finds("secret", "warn", "`options` of its own")
    }),
    ("a parameter that libpq does not know", |scene| {
        scene.add_to_dsn("schema=public");
        finds("secret", "fail", "schema")
    }),
    ("a host without a name", |scene| {
        scene.replace_in_dsn("@127.0.0.1", "@no-such-host.invalid")?;
        finds("connection", "fail", "no-such-host.invalid")
    }),
    ("a closed port", |scene| {
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        scene.replace_port(closed)?;
        finds("connection", "fail", "refused")
    }),
    (
        "a server that takes connections and says nothing",
        |scene| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            scene.replace_port(listener.local_addr()?.port())?;
            keeps(finds("connection", "fail", "timeout"), listener)
        },
    ),
    ("a wrong password", |scene| {
        scene.replace_in_dsn("postgres:", "postgres:x")?;
        finds("connection", "fail", "password authentication failed")
    }),
    ("no such database", |scene| {
        let name = scene.database.name().to_owned();
        scene.replace_in_dsn(&name, "nowhere")?;
        finds("connection", "fail", "does not exist")
    }),
    ("TLS that nobody speaks", |scene| {
        refused(scene, "sslmode=require", "does not support SSL")
    }),
    ("a standby that is asked for", |scene| {
        refused(scene, "target_session_attrs=standby", "hot standby")
    }),
    ("a primary that is asked for", |scene| {
        scene.add_to_dsn("target_session_attrs=read-write");
        Ok((None, None))
    }),
    ("a blank at the end", |scene| {
        scene.env.entry(DSN).or_default().push(" ");
        Ok((None, None))
    }),
    ("an address that is asked for", |scene| {
        scene.add_to_dsn("hostaddr=127.0.0.1");
        scene.replace_in_dsn("@127.0.0.1", "@db.invalid")?;
        Ok((None, None))
    }),
    ("a service and a password file", |scene| {
        let dsn: Config = scene.database.dsn().parse()?;
        let (port, password) = (scene.port()?, scene.password()?);
        let (user, name) = (dsn.get_user().unwrap_or_default(), scene.database.name());
        let service = format!("[shop]\nhost=127.0.0.1\nport={port}\nuser={user}\ndbname={name}\n");
        for (variable, text) in [
            ("PGSERVICEFILE", service),
            ("PGPASSFILE", format!("*:*:*:*:{password}\n")),
        ] {
            let file = scene.project.root().join(variable);
            fs::write(&file, text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            scene.env.insert(variable, file.into());
        }
        scene.env.insert(DSN, "service=shop".into());
        Ok((None, None))
    }),
    ("a pooler that refuses options", |scene| {
        let port = pooler::start(scene.port()?)?;
        scene.replace_port(port)?;
        finds("between", "warn", "refused the option")
    }),
    ("a proxy in between", |scene| {
        let proxy = Proxy::start((Ipv4Addr::LOCALHOST, scene.port()?).into(), None)?;
        scene.replace_port(proxy.port())?;
        keeps(finds("between", "warn", "a proxy or a mapped port"), proxy)
    }),
];
