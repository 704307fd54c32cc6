"""``python -m diffjax.cli`` is ``diffjax``."""

import sys

from diffjax.cli import main

sys.exit(main())
