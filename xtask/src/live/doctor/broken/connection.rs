//! What is broken on the way to the database.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use super::way::{Breaks, finds, keeps};
use crate::live::cut::proxy::Proxy;
use crate::live::doctor::encrypted::Encrypted;
use crate::live::doctor::scene::{DSN, Scene};

/// From now on the connection goes over TLS, with the settings that are made of the authority's file.
fn encrypt(
    scene: &mut Scene<'_>,
    settings: impl FnOnce(&str) -> String,
) -> anyhow::Result<Encrypted> {
    let encrypted = Encrypted::start(scene.port()?, scene.project.root())?;
    scene.replace_port(encrypted.port)?;
    scene.add_to_dsn(&settings(&encrypted.authority.display().to_string()));
    Ok(encrypted)
}

pub(super) const ALL: [(&str, Breaks); 14] = [
    ("no secret", |scene| {
        scene.env.remove(DSN);
        finds("secret", "fail", "DATABASE_URL")
    }),
    ("a secret of another database", |scene| {
        scene.replace_in_dsn("postgresql://", "mysql://")?;
        finds("secret", "fail", "no PostgreSQL connection string")
    }),
    ("options that keep the disconnect check away", |scene| {
        scene.add_to_dsn("options=-c%20work_mem%3D9MB");
        finds("secret", "warn", "`options` of its own")
    }),
    ("a host without a name", |scene| {
        scene.replace_in_dsn("@127.0.0.1", "@no-such-host.invalid")?;
        finds("resolve", "fail", "no-such-host.invalid")
    }),
    ("a closed port", |scene| {
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        scene.replace_port(closed)?;
        finds("connect", "fail", "refused")
    }),
    (
        "a server that takes connections and says nothing",
        |scene| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            scene.replace_port(listener.local_addr()?.port())?;
            keeps(finds("login", "fail", ""), listener)
        },
    ),
    ("a wrong password", |scene| {
        scene.replace_in_dsn("postgres:", "postgres:x")?;
        finds("login", "fail", "password authentication failed")
    }),
    ("no such database", |scene| {
        let name = scene.database.name().to_owned();
        scene.replace_in_dsn(&name, "nowhere")?;
        finds("login", "fail", "does not exist")
    }),
    ("a proxy in between", |scene| {
        let proxy = Proxy::start((Ipv4Addr::LOCALHOST, scene.port()?).into(), None)?;
        scene.replace_port(proxy.port())?;
        keeps(finds("between", "warn", "a proxy or a mapped port"), proxy)
    }),
    ("TLS that nobody speaks", |scene| {
        scene.add_to_dsn("sslmode=require");
        finds("login", "fail", "does not support TLS")
    }),
    ("TLS with any certificate", |scene| {
        let encrypted = encrypt(scene, |_| "sslmode=require".to_owned())?;
        keeps(finds("login", "ok", "over TLS"), encrypted)
    }),
    ("TLS with a certificate that is trusted", |scene| {
        let encrypted = encrypt(scene, |authority| {
            format!("sslmode=verify-full&sslrootcert={authority}")
        })?;
        keeps(finds("login", "ok", "over TLS"), encrypted)
    }),
    ("TLS with a certificate of somebody else", |scene| {
        let elsewhere = scene.project.root().join("elsewhere");
        fs::create_dir(&elsewhere)?;
        let other = Encrypted::start(1, &elsewhere)?;
        let encrypted = encrypt(scene, |_| {
            let authority = other.authority.display();
            format!("sslmode=verify-ca&sslrootcert={authority}")
        })?;
        keeps(
            finds("login", "fail", "invalid peer certificate"),
            encrypted,
        )
    }),
    ("TLS with a certificate for another host", |scene| {
        let encrypted = encrypt(scene, |authority| {
            format!("sslmode=verify-full&sslrootcert={authority}")
        })?;
        scene.replace_in_dsn("@127.0.0.1:", "@localhost:")?;
        keeps(finds("login", "fail", "not valid for name"), encrypted)
    }),
];
