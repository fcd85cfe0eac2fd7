"""Models as C sources: the kernels that are written out, and the templates."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("lcnn_engine", includes=["embed/templates/*.in", "kernels/csrc/**/*.[ch]"])
