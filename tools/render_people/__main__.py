"""`python -m tools.render_people`."""

import sys

from tools.render_people.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
