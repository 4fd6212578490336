"""The methods, each as an Objective: what is trained, in which order, on which losses."""
