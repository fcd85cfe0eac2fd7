"""What every benchmark needs: the machine and its cores, interleaved timing, tables and result files.

Nothing here knows networks or engines.
"""
