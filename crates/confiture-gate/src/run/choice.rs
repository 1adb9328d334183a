//! Which cases of the catalogue are run.

use std::collections::BTreeSet;

use contract_catalogue::case::Case;
use contract_lab::trouble::Trouble;

/// The cases of a quick run: each operation once with success and once with a failure.
pub fn quick(mut catalogue: Vec<Case>) -> Vec<Case> {
    catalogue.retain(|case| case.quick);
    catalogue
}

/// The cases that `names` chooses.
pub fn chosen(catalogue: Vec<Case>, names: &[String]) -> anyhow::Result<Vec<Case>> {
    if names.is_empty() {
        return Ok(catalogue);
    }
    for name in names {
        let operation = name.split('/').next().unwrap_or_default();
        if !catalogue.iter().any(|case| matches(case, name)) {
            let alike: Vec<&str> = catalogue
                .iter()
                .filter(|case| case.operation() == operation)
                .map(|case| case.name)
                .collect();
            let remedy = if alike.is_empty() {
                let operations: BTreeSet<&str> = catalogue.iter().map(Case::operation).collect();
                let operations: Vec<&str> = operations.into_iter().collect();
                format!("operations are {}", operations.join(", "))
            } else {
                format!("{operation} has {}", alike.join(", "))
            };
            return Err(Trouble::new(format!("the catalogue has no case {name}"), remedy).into());
        }
    }
    let is_chosen = |case: &Case| names.iter().any(|name| matches(case, name));
    Ok(catalogue.into_iter().filter(is_chosen).collect())
}

/// A case by its name, or all of an operation.
fn matches(case: &Case, name: &str) -> bool {
    case.name == name || case.operation() == name.trim_end_matches("/*")
}

#[cfg(test)]
mod tests {
    use contract_catalogue::catalogue::catalogue;

    use super::*;
    use crate::run::unrecorded;

    #[test]
    fn cases_are_chosen_by_name_and_by_operation() {
        let names = |names: &[&str]| -> Result<Vec<&str>, String> {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let chosen = chosen(catalogue(), &names).map_err(|error| error.to_string())?;
            Ok(chosen.iter().map(|case| case.name).collect())
        };
        assert_eq!(names(&["up/all"]).unwrap(), ["up/all"]);
        assert!(names(&["verify/*"]).unwrap().len() > 5);
        assert_eq!(names(&["verify"]).unwrap(), names(&["verify/*"]).unwrap());
        assert!(names(&["up/nothing"]).unwrap_err().contains("up/all"));
        assert!(names(&["nothing"]).unwrap_err().contains("preflight"));
    }

    #[test]
    fn a_quick_run_has_cases_of_each_operation() {
        let quick = quick([catalogue(), unrecorded::cases()].concat());
        assert_eq!(quick.len(), 21);
        let operations: BTreeSet<&str> = quick.iter().map(Case::operation).collect();
        assert_eq!(operations.len(), 6);
    }
}
