/// The character set of the PC's fonts: IBM code page 437, with the pictures of the control codes.
public enum CodePage437 {
  /// Codes 00h-1Fh; 0 is drawn as a blank.
  private static let low = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
  /// Codes 80h-FFh; FFh is a blank.
  private static let high =
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
    + "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ "
  /// The Unicode scalar of each code.
  public static let scalars: [Unicode.Scalar] =
    Array(low.unicodeScalars) + (0x20..<0x7f).map { Unicode.Scalar(UInt8($0)) } + ["⌂"] + Array(high.unicodeScalars)

  /// The Unicode scalar of one code.
  public static func scalar(_ code: UInt8) -> Unicode.Scalar { scalars[Int(code)] }
}
