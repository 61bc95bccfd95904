"""Every error the project raises on purpose: each says where, what, and what was expected, in one sentence."""


class SignalsError(Exception):
    """Root of the project's errors; the CLI prints the sentence and exits with code 2."""


class UnsafePlanError(SignalsError):
    """A plan is malformed, or something other than `signals.safety` tried to approve one."""


class LinkError(SignalsError):
    """A controller or simulator does not answer, answers late, or does not hold what was pushed."""


class ForecastError(SignalsError):
    """Counts or a stored forecaster cannot be used."""


class ScenarioError(SignalsError):
    """A network, a demand file or a scenario description is missing, broken or does not fit."""


class ConfigError(SignalsError):
    """A configuration, a command line or a name in it is wrong."""


class PolicyError(SignalsError):
    """A stored policy is not loadable: wrong layout, truncated, or of a format that could run code."""
