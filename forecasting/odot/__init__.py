"""Real counts that may be shipped: 22 loop detectors of one ODOT signal, 26 days in 2024 (SOURCE.md, LICENSE.txt)."""

from forecasting.odot.table import load

__all__ = ["load"]
