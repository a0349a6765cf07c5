//! The fit of pods, as a sentence.

use super::Fit;
use super::filter_reason::FilterReason;

/// The most reasons that a sentence names, and the most resources.
const NAMED: usize = 2;

impl Fit {
    /// How many fit and why not more, as one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        of(self)
    }
}

/// One sentence: how many pods of what, how many fit, and why not more.
fn of(fit: &Fit) -> String {
    let pods = pods(fit);
    if fit.wanted == 0 {
        return format!("{pods}: there is nothing to place.");
    }
    if fit.nodes == 0 {
        return format!("{pods}: none fits now, because the cluster has no nodes.");
    }
    let one = fit.wanted == 1;
    if fit.fits >= fit.wanted {
        let takers = match fit.takers {
            1 => "1 node has".to_owned(),
            takers => format!("{takers} nodes have"),
        };
        let (fits, room) = if one { ("fits", "it") } else { ("all fit", "them") };
        return format!("{pods}: {fits} now; {takers} room for {room}.");
    }
    let missing = fit.wanted - fit.fits;
    let need = |missing: u32| {
        if missing == 1 {
            "1 needs a new node".to_owned()
        } else {
            format!("{missing} need new nodes")
        }
    };
    let outlook = if !fit.possible {
        let even = if one {
            "it does not fit, and would not"
        } else {
            "none fits, and none would"
        };
        format!("{even} if the nodes were empty")
    } else if fit.at_most > fit.fits {
        format!(
            "{} to {} fit now, depending on where the scheduler puts the first; up to {}",
            fit.fits,
            fit.at_most,
            need(missing)
        )
    } else if one {
        "it does not fit now and needs a new node".to_owned()
    } else {
        match fit.fits {
            0 => format!("none fits now, {}", need(missing)),
            1 => format!("1 fits now, {}", need(missing)),
            fits => format!("{fits} fit now, {}", need(missing)),
        }
    };
    format!("{pods}: {outlook}: {}.", reasons(fit))
}

/// The pods and their requests: of the scarce resources, or else of CPUs and memory.
fn pods(fit: &Fit) -> String {
    let number = if fit.wanted == 1 {
        "1 pod".to_owned()
    } else {
        format!("{} pods", fit.wanted)
    };
    let special = fit.request.keys().filter(|name| name.contains('/'));
    let short = ranked(fit).into_iter().flat_map(|(reason, _)| reason.resources());
    let mut names: Vec<&str> = Vec::new();
    for name in special.chain(short) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    if names.is_empty() {
        names = fit.request.keys().map(String::as_str).collect();
    }
    let words = names
        .iter()
        .filter_map(|name| Some(amount(name, *fit.request.get(*name)?)));
    let words: Vec<_> = words.take(NAMED).collect();
    if words.is_empty() {
        number
    } else {
        format!("{number} of {}", words.join(" and "))
    }
}

/// An amount of a resource, in short words.
fn amount(name: &str, amount: i128) -> String {
    let kind = match name {
        "cpu" => {
            let (whole, thousandths) = (amount / 1000, amount % 1000);
            let number = format!("{whole}.{thousandths:03}");
            let number = number.trim_end_matches('0').trim_end_matches('.');
            return format!("{number} {}", if amount == 1000 { "CPU" } else { "CPUs" });
        }
        "memory" => "memory",
        "ephemeral-storage" => "ephemeral storage",
        name if name.starts_with("hugepages-") => name,
        name if name.ends_with("/gpu") => {
            return format!("{amount} {}", if amount == 1 { "GPU" } else { "GPUs" });
        }
        name => return format!("{amount} {name}"),
    };
    format!("{} of {kind}", bytes(amount))
}

/// Bytes in the unit in which they are shortest, or roughly where that is still long.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn bytes(amount: i128) -> String {
    const UNITS: [(&str, i128); 9] = [
        ("", 1),
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
    ];
    let whole = UNITS.iter().filter(|(_, unit)| amount % unit == 0);
    let shortest = whole.map(|(name, unit)| (amount / unit, *name)).min();
    match shortest {
        Some((number, unit)) if number < 10_000 => format!("{number}{unit}"),
        _ => format!("{:.1}Gi", amount as f64 / f64::from(1 << 30)),
    }
}

/// The reasons, the one of most nodes first, and last that nodes were never meant.
fn ranked(fit: &Fit) -> Vec<(&FilterReason, u32)> {
    let mut reasons: Vec<_> = fit.refusals.iter().map(|(reason, nodes)| (reason, *nodes)).collect();
    reasons.sort_by_key(|(reason, nodes)| {
        let never_meant = matches!(reason, FilterReason::NodeAffinity | FilterReason::NodeName);
        (never_meant, std::cmp::Reverse(*nodes))
    });
    reasons
}

fn reasons(fit: &Fit) -> String {
    let ranked = ranked(fit);
    let named = ranked.iter().take(NAMED).enumerate().map(|(place, (reason, nodes))| {
        let noun = match (place, nodes) {
            (0, 1) => " node",
            (0, _) => " nodes",
            _ => "",
        };
        format!("{nodes}{noun} {}", reason.of(*nodes))
    });
    let mut parts: Vec<_> = named.collect();
    match ranked.iter().skip(NAMED).map(|(_, nodes)| nodes).sum::<u32>() {
        0 => {}
        1 => parts.push("1 refuses for another reason".to_owned()),
        others => parts.push(format!("{others} refuse for other reasons")),
    }
    parts.join(", ")
}
