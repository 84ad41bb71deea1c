"""What tools that look at neighbouring frames share: shot changes, flow, pixels brought from other frames, grain."""
