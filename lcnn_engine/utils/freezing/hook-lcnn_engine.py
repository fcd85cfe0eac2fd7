"""Every program: NumPy's module that brings the BLAS, and the model of time. Not what only some programs have."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("lcnn_engine", includes=["plan/times/*.json"])
hiddenimports = ["numpy._core._multiarray_umath"]
excludedimports = ["google", "matplotlib", "onnx", "scipy"]  # large; a program that needs one imports it
