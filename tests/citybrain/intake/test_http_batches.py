"""The media type says what a body is."""

from collections.abc import Callable

import pytest

from citybrain.intake import frame
from citybrain.intake.batch import IntakeError, Samples
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.http_batches import FRAME_TYPE, JSON_TYPE, delivery
from citybrain.intake.network_names import NetworkNames
from signals.types import Network

SOME = b'{"source": "loops", "samples": {"sensor": ["x"], "at_s": 1, "value": [2]}}'


@pytest.mark.parametrize("media_type", [FRAME_TYPE, JSON_TYPE, "Application/JSON; charset=utf-8"])
def test_a_body_is_read_by_its_media_type(grid: Network, catalogue: Catalogue, sampled: Callable[..., Samples], media_type: str) -> None:
    body = frame.encode(sampled([1], 1.0, 2.0), None, catalogue.key) if media_type == FRAME_TYPE else SOME
    found = delivery(body, media_type, catalogue, NetworkNames(grid))
    assert (found.source, found.samples.value.tolist()) == ("loops", [2.0])


@pytest.mark.parametrize("media_type", ["", "text/csv", "application/x-citybrain-frames", "x" * 500])
def test_another_media_type_is_refused(grid: Network, catalogue: Catalogue, media_type: str) -> None:
    with pytest.raises(IntakeError, match="expected application/x-citybrain-frame or application/json"):
        delivery(SOME, media_type, catalogue, NetworkNames(grid))


def test_a_frame_of_another_catalogue_is_refused(grid: Network, catalogue: Catalogue, sampled: Callable[..., Samples]) -> None:
    with pytest.raises(IntakeError, match="are of catalogue 0000000000000007"):
        delivery(frame.encode(sampled([1], 1.0, 2.0), None, 7), FRAME_TYPE, catalogue, NetworkNames(grid))
