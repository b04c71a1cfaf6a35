# SPDX-License-Identifier: Apache-2.0
"""How much longer than usual everything may take: ctest says so for a build with a sanitizer."""

import os

PATIENCE = float(os.environ.get("LARES_PATIENCE", "1"))
