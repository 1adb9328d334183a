//! Environments that contain confiture, each built once for a cache.

use anyhow::Context as _;
use contract_catalogue::release::Release;

use super::copy::packages;
use super::digest::hash_tree;
use super::installed::{Installed, Provided, not_confiture, version_of};
use crate::Lab;
use crate::build_once::{Building, build_once};
use crate::packages::{Failure, install_environment, installed};
use crate::registry::{PACKAGE, unavailable};
use crate::trouble::Trouble;

/// Installs a release of the registry, and checks that it reports the same version.
pub(super) fn of_release(
    lab: &Lab,
    wanted: Release,
    extras: &[String],
) -> anyhow::Result<Provided> {
    let provided = of_version(lab, &wanted.to_string(), extras)?;
    let version = &provided.installed.version;
    if *version != wanted.to_string() {
        return Err(Trouble::new(
            format!("the registry's confiture {wanted} says it is {version}"),
            "name another release, or the path of an installed confiture",
        )
        .into());
    }
    Ok(provided)
}

/// Installs this version from the registry, with extras.
pub(super) fn of_version(lab: &Lab, wanted: &str, extras: &[String]) -> anyhow::Result<Provided> {
    let extras = bracketed(extras);
    let named = format!("{wanted}{extras}");
    let name = format!("confiture-{named}-{}", lab.python()?.tag());
    let requirement = format!("{PACKAGE}{extras}=={wanted}");
    let label = format!("confiture {named}");
    let installed = build(lab, &name, |building| {
        install(lab, &label, &requirement, building, |failure| {
            unavailable(&failure, &label)
        })
    })?;
    let environment = installed.program.ancestors().nth(2);
    let package = packages(environment.context("a program at the root")?)?.join("confiture");
    Ok(Provided {
        sha256: Some(hash_tree(&package, &["__pycache__"])?),
        installed,
        named,
        given: wanted.to_owned(),
    })
}

/// The extras in the form of a requirement, such as `[ast]`.
pub(super) fn bracketed(extras: &[String]) -> String {
    if extras.is_empty() {
        return String::new();
    }
    format!("[{}]", extras.join(","))
}

/// An environment below the cache, built at most once.
pub(super) fn build(
    lab: &Lab,
    name: &str,
    build: impl FnOnce(&Building<'_>) -> anyhow::Result<Installed>,
) -> anyhow::Result<Installed> {
    build_once(
        &lab.cache().join(name),
        lab.ui,
        // A system upgrade may remove the Python that the environment's links point to.
        |found: &Installed| {
            found.program.exists() && found.program.with_file_name("python").exists()
        },
        build,
    )
}

/// Installs `requirement` into the environment, and reads the version of confiture.
pub(super) fn install(
    lab: &Lab,
    named: &str,
    requirement: &str,
    building: &Building<'_>,
    explain: impl FnOnce(Failure) -> Trouble,
) -> anyhow::Result<Installed> {
    let task = lab.ui.task(&format!("installing {named}"));
    install_environment(lab, building, requirement)?.map_err(explain)?;
    let program = building.directory.join("bin/confiture");
    if !program.is_file() {
        let why = "it installs no program `confiture`";
        return Err(not_confiture(named, why).into());
    }
    let packages = installed(&program.with_file_name("python"))?;
    let found = Installed {
        version: version_of(named, &program, packages.get(PACKAGE).map(String::as_str))?,
        program,
        python: Some(lab.python()?.version_text()),
        packages,
    };
    task.finish(&format!("installed {named}"));
    Ok(found)
}
