//! Completes requests and limits. If a request and a limit contradict each other, the one of lower precedence is
//! adjusted.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Map, Value};

use super::overrides::Overrides;
use super::sources::Sources;
use crate::error::{Error, Result};
use crate::resources::flyte::{GPU, default_limits, default_requests, flyte_name, from_flyte, to_flyte};
use crate::resources::quantity::{Amounts, is_less, is_zero};

/// Where a value comes from, the weakest source first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Plugin,
    Default,
    User,
    Forced,
}

type Said = BTreeMap<String, (Quantity, Precedence)>;

/// Completes `Requests` and `Limits`. Forced values and those of the user stay as they are, or are refused together;
/// what is only a default gives way to them, and to the most that a pod may have.
pub(super) fn complete(
    config: &mut Map<String, Value>,
    defaults: &Overrides,
    forced: &Overrides,
    most: &Amounts,
    sources: &Sources,
) -> Result<()> {
    let layers = [&defaults.requests, &defaults.limits, &forced.requests, &forced.limits];
    if most.is_empty() && layers.iter().all(|layer| layer.is_empty()) {
        return Ok(());
    }
    let side = |field: &'static str, plugin: Amounts, default: &Amounts, forced: &Amounts| {
        let (given, precedence) = match config.get(field).filter(|value| !value.is_null()) {
            Some(value) => (from_flyte(field, value)?, Precedence::User),
            None => (plugin, Precedence::Plugin),
        };
        let mut said = Said::new();
        insert(&mut said, &given, precedence);
        for (name, amount) in default {
            if said
                .get(name)
                .is_none_or(|(_, precedence)| *precedence < Precedence::Default)
            {
                said.insert(name.clone(), (amount.clone(), Precedence::Default));
            }
        }
        cap(&mut said, most);
        for (name, amount) in forced {
            match said.get(name) {
                Some((there, Precedence::User)) if is_less(there, amount) || is_less(amount, there) => {
                    let path = format!("{field}.{}", flyte_name(name));
                    let words = format!(
                        "is {}, but the platform's settings force it to {}{}. Leave it out.",
                        there.0,
                        amount.0,
                        sources.suffix(&format!("forced.{path}"))
                    );
                    return Err(Error::invalid(path, words));
                }
                _ => said.insert(name.clone(), (amount.clone(), Precedence::Forced)),
            };
        }
        Ok(said)
    };
    let mut requests = side("Requests", default_requests(), &defaults.requests, &forced.requests)?;
    let mut limits = side("Limits", default_limits(), &defaults.limits, &forced.limits)?;
    for (name, request) in &mut requests {
        if let Some(limit) = limits.get_mut(name) {
            settle(name, request, limit, sources)?;
        }
    }
    for (field, said) in [("Requests", requests), ("Limits", limits)] {
        let said = said.into_iter().filter(|(_, (amount, _))| !is_zero(amount));
        let amounts = said.map(|(name, (amount, _))| (name, amount)).collect();
        config.insert(field.to_owned(), to_flyte(&amounts));
    }
    Ok(())
}

fn insert(said: &mut Said, amounts: &Amounts, precedence: Precedence) {
    let entries = amounts.iter();
    said.extend(entries.map(|(name, amount)| (name.clone(), (amount.clone(), precedence))));
}

/// A default is never more than a pod may have.
fn cap(said: &mut Said, most: &Amounts) {
    for (name, (amount, precedence)) in said {
        if let Some(most) = most
            .get(name)
            .filter(|most| *precedence < Precedence::User && is_less(most, amount))
        {
            *amount = most.clone();
        }
    }
}

/// Makes a request and a limit fit each other.
fn settle(
    name: &str,
    request: &mut (Quantity, Precedence),
    limit: &mut (Quantity, Precedence),
    sources: &Sources,
) -> Result<()> {
    // Of GPUs a pod can only request as many as it is limited to.
    let fit = if name == GPU {
        !is_less(&request.0, &limit.0) && !is_less(&limit.0, &request.0)
    } else {
        !is_less(&limit.0, &request.0)
    };
    let both_said = request.1 >= Precedence::User && limit.1 >= Precedence::User;
    let exceeds = is_less(&limit.0, &request.0);
    if fit || (both_said && !exceeds) {
        return Ok(());
    }
    if both_said {
        let name = flyte_name(name);
        let (field, word, other, forced) = if request.1 <= limit.1 {
            ("Requests", "more", "Limits", limit.1 == Precedence::Forced)
        } else {
            ("Limits", "less", "Requests", true)
        };
        let (mine, theirs) = if field == "Requests" {
            (&request.0, &limit.0)
        } else {
            (&limit.0, &request.0)
        };
        let why = if forced {
            format!(
                "which the platform's settings force to {}{}",
                theirs.0,
                sources.suffix(&format!("forced.{other}.{name}"))
            )
        } else {
            format!("which is {}", theirs.0)
        };
        return Err(Error::invalid(
            format!("{field}.{name}"),
            format!("is {}, {word} than {other}.{name}, {why}.", mine.0),
        ));
    }
    if request.1 < limit.1 {
        request.0 = limit.0.clone();
    } else {
        limit.0 = request.0.clone();
    }
    Ok(())
}
