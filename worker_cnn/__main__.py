"""Run the worker: `python -m worker_cnn`."""

import sys

from shared.bundles import BundleError
from worker_cnn.endpoint import NoEndpointError
from worker_cnn.main import main
from worker_cnn.runtime import DeviceError

if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BundleError, DeviceError, NoEndpointError) as error:
        raise SystemExit(str(error)) from error
