"""Variables that look like one of the plugin's, and are none."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from k8sdataservice import local
from k8sdataservice.settings.variables import PREFIX, SETTINGS_VARIABLE, VARIABLES

#: How alike a variable must be to one of the plugin's to be meant for it, where it does not begin as those do.
_ALIKE = 0.9

#: The variables that every pod gets from a Service with the plugin's name (*Accessing the Service*, "Environment
#: variables").
_OF_A_SERVICE = re.compile(rf"{PREFIX}(.*_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")


def misspelled(variables: Iterable[str]) -> list[str]:
    """Returns a warning for each variable that looks like one of the plugin's, and is none.

    Args:
        variables: The names of all variables.
    """
    known = (SETTINGS_VARIABLE, *VARIABLES, *local.VARIABLES)
    warnings = []
    for name in sorted(variables):
        if name in known or _OF_A_SERVICE.fullmatch(name):
            continue
        is_meant = name.upper().startswith(PREFIX)
        [nearest] = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0 if is_meant else _ALIKE) or [""]
        if nearest:
            warnings.append(f"The environment variable {name} is unknown and has no effect. Did you mean {nearest}?")
    return warnings
