"""`python -m crosscam` is the `crosscam` command."""

from crosscam.cli.main import main

main()
