"""FreeSurfer morphometry, head motion and functional connectivity."""
