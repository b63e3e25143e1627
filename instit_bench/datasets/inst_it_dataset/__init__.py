"""The Inst-IT Dataset: training videos and images whose instances carry marks, with captions."""
