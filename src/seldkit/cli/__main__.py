"""What `python -m seldkit.cli` runs."""

from seldkit.cli.program import main

if __name__ == "__main__":
    raise SystemExit(main())
