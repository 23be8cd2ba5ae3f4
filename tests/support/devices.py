"""Where the tests of networks run: CXR_TEST_DEVICE=cuda where there is a GPU, else the CPU."""

import os
from typing import Final

DEVICE: Final = os.environ.get("CXR_TEST_DEVICE", "cpu")
