//! Every advice, for a tool that follows each and sees whether it helps.

use std::iter::successors;
use std::time::Duration;

use crate::failure::{Advice, NamedBy};
use crate::release::capability::Need;
use crate::request::server_option;

/// Every text that can stand behind the `Next:` of a message, but for what confiture itself advises.
/// Where a text names something of the case, it is about migration `002`, a preflight that the release
/// lacks, and a disconnect check every second.
#[must_use]
pub fn every_advice() -> Vec<String> {
    let every = successors(Some(Advice::LookCloser), following);
    every.map(|advice| advice.to_string()).collect()
}

/// The next in the row of all: the compiler misses an advice that is not in it.
fn following(advice: &Advice) -> Option<Advice> {
    use Advice as A;

    let check = || server_option(Duration::from_secs(1));
    Some(match advice {
        A::None | A::Stated(_) | A::LookCloser => A::UnsetVariable,
        A::UnsetVariable => A::CorrectSetting,
        A::CorrectSetting => A::MakeConnectionString,
        A::MakeConnectionString => A::TakeOutControlCharacter,
        A::TakeOutControlCharacter => A::SeparatePassword,
        A::SeparatePassword => A::AddServerOption(check()),
        A::AddServerOption(_) => A::LetPoolerIgnore(check()),
        A::LetPoolerIgnore(_) => A::CorrectWorkdir,
        A::CorrectWorkdir => A::CorrectMigrationsPath,
        A::CorrectMigrationsPath => A::NameVersion,
        A::NameVersion => A::Install(NamedBy::Builder),
        A::Install(NamedBy::Builder) => A::Install(NamedBy::Variable),
        A::Install(NamedBy::Variable) => A::Install(NamedBy::Default),
        A::Install(NamedBy::Default) => A::RenewEnvironment,
        A::RenewEnvironment => A::MakeExecutable,
        A::MakeExecutable => A::NameConfiture(NamedBy::Builder),
        A::NameConfiture(NamedBy::Builder) => A::NameConfiture(NamedBy::Variable),
        A::NameConfiture(NamedBy::Variable) => A::NameConfiture(NamedBy::Default),
        A::NameConfiture(NamedBy::Default) => A::AskProgramAgain,
        A::AskProgramAgain => A::Upgrade(Need::Preflight),
        A::Upgrade(_) => A::TakeNewerRelease,
        A::TakeNewerRelease => A::TakeBackAllowDestructive,
        A::TakeBackAllowDestructive => A::CorrectTmpdir,
        A::CorrectTmpdir => A::FreeResources,
        A::FreeResources => A::WaitForProgram,
        A::WaitForProgram => A::CorrectMigration,
        A::CorrectMigration => A::CorrectCause,
        A::CorrectCause => A::WriteDownFiles(vec!["002".into()]),
        A::WriteDownFiles(_) => A::ApplyAsSuperuser("002".into()),
        A::ApplyAsSuperuser(_) => A::AllowDestructive,
        A::AllowDestructive => A::RenumberMigration,
        A::RenumberMigration => A::RestoreEditedFile,
        A::RestoreEditedFile => A::WaitForOtherDeploy,
        A::WaitForOtherDeploy => A::WaitForLock,
        A::WaitForLock => A::LookForBlocker,
        A::LookForBlocker => A::AskCurrentRevision,
        A::AskCurrentRevision => A::GoOnOrTakeBack,
        A::GoOnOrTakeBack => return None,
    })
}
