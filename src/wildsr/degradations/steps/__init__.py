"""The steps that programs are made of: geometry, filters, noise, codecs and a camera; :mod:`.builtin` names them."""
