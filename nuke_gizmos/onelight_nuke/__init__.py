"""What Onelight adds to Nuke besides its nodes; uses Nuke's own Python module and `onelight._bridge`, nothing else."""
