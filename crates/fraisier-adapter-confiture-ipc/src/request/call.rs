//! The methods of the adapter, and their parameters.

use fraisier_adapter_api::{AdapterCtx, AdapterError, AdapterErrorKind, Revision};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::quoted;

/// The parameters do not fit the method.
pub const INVALID_PARAMS: i32 = -32602;

/// A method of the adapter with its parameters.
#[derive(Debug, Clone)]
pub enum Call {
    /// `describe`.
    Describe,
    /// `current_revision`.
    CurrentRevision(Box<AdapterCtx>),
    /// All applied revisions, which only people ask for.
    Applied(Box<AdapterCtx>),
    /// `up`, to a target or all the way.
    Up(Box<AdapterCtx>, Option<Revision>),
    /// `down_to` a target.
    DownTo(Box<AdapterCtx>, Revision),
    /// `verify`.
    Verify(Box<AdapterCtx>),
    /// `preflight`.
    Preflight(Box<AdapterCtx>),
    /// `post_migrate`.
    PostMigrate(Box<AdapterCtx>),
}

impl Call {
    /// The name of the method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::CurrentRevision(_) => "current_revision",
            Self::Applied(_) => "applied_revisions",
            Self::Up(..) => "up",
            Self::DownTo(..) => "down_to",
            Self::Verify(_) => "verify",
            Self::Preflight(_) => "preflight",
            Self::PostMigrate(_) => "post_migrate",
        }
    }

    pub(super) fn new(method: &str, params: Option<&RawValue>) -> Result<Self, AdapterError> {
        #[derive(Deserialize)]
        struct Context {
            ctx: Box<AdapterCtx>,
        }
        #[derive(Deserialize)]
        struct Up {
            ctx: Box<AdapterCtx>,
            #[serde(default)]
            target: Option<Revision>,
        }
        #[derive(Deserialize)]
        struct DownTo {
            ctx: Box<AdapterCtx>,
            target: Revision,
        }
        let context = || read::<Context>(method, params).map(|params| params.ctx);
        Ok(match method {
            "describe" => {
                let params = params.filter(|params| params.get() != "null");
                read::<IgnoredAny>(method, params)?;
                Self::Describe
            }
            "current_revision" => Self::CurrentRevision(context()?),
            "up" => {
                let Up { ctx, target } = read(method, params)?;
                Self::Up(ctx, target)
            }
            "down_to" => {
                let DownTo { ctx, target } = read(method, params)?;
                Self::DownTo(ctx, target)
            }
            "verify" => Self::Verify(context()?),
            "preflight" => Self::Preflight(context()?),
            "post_migrate" => Self::PostMigrate(context()?),
            unknown => return Err(AdapterError::method_not_supported(quoted(unknown))),
        })
    }
}

/// The parameters of a method, by name.
fn read<'a, T: Deserialize<'a>>(
    method: &str,
    params: Option<&'a RawValue>,
) -> Result<T, AdapterError> {
    let refuse = |why: &str| {
        let message = format!(
            "the `params` of `{method}` cannot be used: {}; nothing was started",
            quoted(why)
        );
        AdapterError {
            code: INVALID_PARAMS,
            ..AdapterError::new(AdapterErrorKind::Protocol, message).with_operation(method)
        }
    };
    let params = params.map_or("{}", RawValue::get);
    if !params.starts_with('{') {
        return Err(refuse("they are not an object"));
    }
    serde_json::from_str(params).map_err(|why| refuse(&why.to_string()))
}
