"""`python -m policylens.infer`: the command line."""

from policylens.infer.cli import main

main()
