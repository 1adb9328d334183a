//! The harness of the scenes. Scenes are tests with a real confiture and a real server; they can be
//! filtered and listed by name, and skipped with a reason.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use contract_lab::confiture::{Candidate, Installed, install};
use contract_lab::interrupt;
use contract_lab::postgres::{Server, ServerArgs};
use contract_lab::trouble::Trouble;
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::cargo::{self, PROGRAM};
use crate::exit::Unexpected;

/// The options that every command with scenes has.
#[derive(Debug, clap::Args)]
pub struct HarnessArgs {
    /// Run the scenes whose name contains this; may be given more than once
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,

    /// Skip the scenes whose name contains this; may be given more than once
    #[arg(long, value_name = "FILTER")]
    skip: Vec<String>,

    /// List the scenes instead of running them
    #[arg(long)]
    list: bool,

    /// How many scenes run at the same time; scenes spend much of their time waiting
    #[arg(long, value_name = "N", default_value_t = 3)]
    jobs: usize,

    /// Which confiture: a release such as 0.22, `newest`, or the path of a binary, an environment, a
    /// wheel, an sdist or a source directory; may be given more than once. Without it, each scene
    /// runs with the releases that it is about
    #[arg(long, value_name = "RELEASE|PATH")]
    pub confiture: Vec<Candidate>,

    #[command(flatten)]
    pub server: ServerArgs,

    #[command(flatten)]
    lab: LabArgs,
}

impl HarnessArgs {
    /// Whether every scene runs with the releases that it is about.
    pub fn is_unfiltered(&self) -> bool {
        self.filters.is_empty() && self.skip.is_empty() && self.confiture.is_empty()
    }
}

/// What all scenes share.
pub struct World {
    pub lab: Lab,
    pub server: Server,
    server_args: ServerArgs,
    program: Mutex<Option<PathBuf>>,
}

impl World {
    pub fn new(server_args: ServerArgs, lab: Lab) -> anyhow::Result<Self> {
        Ok(Self {
            server: server_args.open(&lab)?,
            server_args,
            lab,
            program: Mutex::default(),
        })
    }

    /// The adapter's program, built when it is first needed.
    pub fn program(&self) -> anyhow::Result<PathBuf> {
        let mut program = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(built) = program.as_ref() {
            return Ok(built.clone());
        }
        let task = self.lab.ui.spin("building the adapter's program");
        let built = cargo::build(&["--package", PROGRAM], PROGRAM)?;
        drop(task);
        Ok(program.insert(built).clone())
    }

    /// The directory with `psql` and `pg_dump`.
    pub fn postgres_programs(&self) -> anyhow::Result<PathBuf> {
        self.server_args.programs(&self.lab)
    }

    /// A release, installed.
    pub fn release(&self, release: &str) -> anyhow::Result<Installed> {
        let Ok(candidate) = release.parse::<Candidate>();
        install(&self.lab, &candidate)
    }
}

type Play = dyn FnOnce(&World, &Installed) -> anyhow::Result<()> + Send;

/// Which scenes may run at the same time as a scene.
enum Company {
    /// Those that may run at the same time as others too.
    Others,
    Nobody,
    /// Even one that must be alone.
    Whoever,
}

/// One test with a real confiture.
pub struct Scene {
    name: String,
    candidate: Candidate,
    company: Company,
    on_demand: bool,
    play: Box<Play>,
}

impl Scene {
    pub fn new(
        name: impl Into<String>,
        play: impl FnOnce(&World, &Installed) -> anyhow::Result<()> + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            candidate: Candidate::Newest,
            company: Company::Others,
            on_demand: false,
            play: Box::new(play),
        }
    }

    /// Names it `GROUP/RELEASE/NAME`, and runs it with this confiture.
    pub fn of(mut self, group: &str, candidate: &Candidate) -> Self {
        self.name = format!("{group}/{}/{}", label(candidate), self.name);
        self.candidate = candidate.clone();
        self
    }

    /// Runs it alone, because it measures time or changes this process.
    pub fn alone(mut self) -> Self {
        self.company = Company::Nobody;
        self
    }

    /// Runs it even beside a scene that runs alone: it waits for other scenes, and checks what they did.
    pub fn summary(mut self) -> Self {
        self.company = Company::Whoever;
        self
    }

    /// Runs it only if a filter names it.
    pub fn on_demand(mut self) -> Self {
        self.on_demand = true;
        self
    }
}

/// The form of a candidate in the name of a scene.
fn label(candidate: &Candidate) -> String {
    match candidate {
        Candidate::Newest => "newest".to_owned(),
        Candidate::Release(release) => release.to_string(),
        Candidate::Version(version) => version.clone(),
        Candidate::Path(path) => path.display().to_string(),
    }
}

/// A scene ends with this error when something that it needs is not on this machine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Skip(pub String);

/// Runs the scenes that `args` select.
pub fn run(args: HarnessArgs, mut scenes: Vec<Scene>) -> anyhow::Result<()> {
    let named = |scene: &Scene, by: &[String]| by.iter().any(|it| scene.name.contains(it));
    scenes.retain(|scene| {
        let wanted = if args.filters.is_empty() {
            !scene.on_demand || args.list
        } else {
            named(scene, &args.filters)
        };
        wanted && !named(scene, &args.skip)
    });
    if scenes.is_empty() {
        let what = "no scene has a name that matches the filters";
        return Err(Trouble::new(what, "look at the names with --list").into());
    }
    let arguments = Arguments {
        list: args.list,
        test_threads: Some(args.jobs),
        ..Arguments::default()
    };
    if args.list {
        let trials = scenes.into_iter();
        let trials = trials.map(|scene| Trial::test(scene.name, || Ok(())));
        let _ = libtest_mimic::run(&arguments, trials.collect());
        return Ok(());
    }
    let lab = Lab::new(args.lab, Ui::stderr())?;
    let mut installed = BTreeMap::new();
    for scene in &scenes {
        if let Entry::Vacant(vacant) = installed.entry(label(&scene.candidate)) {
            vacant.insert(install(&lab, &scene.candidate)?);
        }
    }
    let world = Arc::new(World::new(args.server, lab)?);
    let lack = Arc::new(AtomicU64::new(0));
    let together = Arc::new(RwLock::new(()));
    let trials = scenes.into_iter().map(|scene| {
        let installed = installed[&label(&scene.candidate)].clone();
        let (world, lack, together) = (world.clone(), lack.clone(), together.clone());
        Trial::ignorable_test(scene.name, move || {
            let (_shared, _alone);
            match scene.company {
                Company::Others => {
                    _shared = together.read().unwrap_or_else(PoisonError::into_inner);
                }
                Company::Nobody => {
                    _alone = together.write().unwrap_or_else(PoisonError::into_inner);
                }
                Company::Whoever => {}
            }
            interrupt::check()?;
            let Err(error) = (scene.play)(&world, &installed) else {
                return Ok(Completion::Completed);
            };
            if let Some(Skip(reason)) = error.downcast_ref() {
                return Ok(Completion::ignored_with(reason));
            }
            lack.fetch_add(u64::from(error.is::<Trouble>()), Ordering::Relaxed);
            Err(Failed::from(format!("{error:#}")))
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    interrupt::check()?;
    let failed = conclusion.num_failed;
    if failed > 0 && failed == lack.load(Ordering::Relaxed) {
        let what = format!("{failed} scenes could not run");
        return Err(Trouble::new(what, "provide what each of them names").into());
    }
    let text = format!("{failed} scenes are not as expected");
    anyhow::ensure!(failed == 0, Unexpected(text));
    if conclusion.num_passed == 0 {
        return Err(Trouble::new("every scene was skipped", "provide what they need").into());
    }
    Ok(())
}
