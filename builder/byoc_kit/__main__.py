"""``python -m byoc_kit`` is ``byoc``."""

from byoc_kit.cli.main import main

if __name__ == "__main__":
    main()
