"""`dinar fit`: SMPL-X parameters from a photo's keypoints and mask, as SMPLify-X finds them (Sec. 4.2)."""
