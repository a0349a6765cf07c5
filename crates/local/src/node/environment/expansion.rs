//! `$(NAME)` in the environment and the command of a container.

/// Replaces references to variables as Kubernetes does: one that is not defined stays, and `$$` is a `$`.
pub(in super::super) fn expand<'a>(text: &str, defined: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = after.strip_prefix('(').and_then(|after| after.split_once(')')) {
            match defined(name) {
                Some(value) => expanded.push_str(value),
                None => expanded.extend(["$(", name, ")"]),
            }
            rest = after;
        } else {
            expanded.push('$');
            rest = after;
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_what_the_table_of_kubernetes_says() {
        let defined = |name: &str| match name {
            "VAR_A" => Some("A"),
            "VAR_B" => Some("B"),
            "VAR_REF" => Some("$(VAR_A)"),
            "VAR_EMPTY" => Some(""),
            _ => None,
        };
        for (text, wanted) in [
            ("$(VAR_A)", "A"),
            ("___$(VAR_B)___", "___B___"),
            ("$(VAR_REF)", "$(VAR_A)"),
            ("f000-$(VAR_A)$(VAR_B)-$(VAR_EMPTY)", "f000-AB-"),
            ("$$(VAR_A)", "$(VAR_A)"),
            ("$$$(VAR_A)", "$A"),
            ("$$$$$$$(VAR_A)", "$$$A"),
            ("$(NOPE)", "$(NOPE)"),
            ("$(VAR_A", "$(VAR_A"),
            ("$VAR_A", "$VAR_A"),
            ("${VAR_A}", "${VAR_A}"),
            ("foo$", "foo$"),
            ("foo$$", "foo$"),
            ("$()", "$()"),
            ("", ""),
        ] {
            assert_eq!(expand(text, defined), wanted, "{text}");
        }
    }
}
