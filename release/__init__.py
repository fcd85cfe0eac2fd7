"""What is done to publish: wheels built for other machines and tried, C compiled for other systems, a release tagged.

Run from the clone, as `python -m release.wheels`, with Python 3.11 or later; the packages it needs are the extra
`release`. Nothing of it is installed. What continuous integration does with it is in .github/workflows, how it goes
together in docs/building.md.
"""
