"""`python -m citybrain` is the command line."""

from citybrain.cli import main

if __name__ == "__main__":
    main()
