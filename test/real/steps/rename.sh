# Renames of lower directories; see rename.py. Runs on the host: $tree, $here.
python3 "$here/steps/rename.py" "$tree"
