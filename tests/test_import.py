"""`import multiunit` is light."""

import subprocess
import sys


def test_import_brings_no_heavy_library():
    code = "import sys, multiunit; print(*({'torch', 'pandas', 'xarray', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
