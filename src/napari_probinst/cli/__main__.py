"""``python -m napari_probinst.cli``: the command line of an environment that isn't activated."""

from napari_probinst.cli.main import main

if __name__ == "__main__":
    main()
