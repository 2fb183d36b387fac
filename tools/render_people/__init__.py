"""Renders data sets of people who do not exist; docs/rendering.md says what and how.

python -m tools.render_people --seed 0 --identities 200 --out people
"""
