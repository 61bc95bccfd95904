"""Learning to choose phases: environments, training, and stored policies that run without torch."""

from importlib.util import find_spec

ENV_ID = "citybrain/Signal-v0"

if find_spec("gymnasium") is not None:
    import gymnasium

    if ENV_ID not in gymnasium.registry:
        gymnasium.register(id=ENV_ID, entry_point="rl.env:SignalEnv")
