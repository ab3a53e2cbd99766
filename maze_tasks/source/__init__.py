"""Source code as a place of holes: finding them, and the checkout they stand in.

All of it works on texts but `tree`, which is the only module that touches a checkout.
"""
