"""Names outside our tables."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from aftercare.keys import base32


@given(st.binary(max_size=64))
def test_base32_is_that_of_the_standard_library_in_lower_case_without_padding(raw):
    assert base32(raw) == base64.b32encode(raw).decode().rstrip("=").lower()
