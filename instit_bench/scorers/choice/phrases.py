"""Phrases that state or turn down an answer, in the languages that models reply in.

All patterns read text from ``marks.mark``. They are linear: every gap is bounded and stops at the
next letter or the end of the sentence, and the words between a phrase and its letter come from a
closed list, so that "the answer is not A" or "the answer is hidden by C" state nothing.
"""

from __future__ import annotations

import re

from instit_bench.scorers.choice.marks import ASIDE, STRONG, WEAK

LETTERS = f"[{STRONG}{WEAK}]{{1,9}}"
_GAP = f"[^.!?;。！？\n{STRONG}{WEAK}{ASIDE}]"
_SAME_WORD = "[a-zß-ÿа-я]"
_BECAUSE = "because|since|as|car|weil|da|porque|perché|так как|因为|だから|です|입니다|है"
# What may follow a letter that a short phrase announces.
_END = rf"(?=\s*(?:$|[.,;:!)\]}}\n。，；]|(?:{_BECAUSE})))"
_NO_QUESTION = r"(?!\s*[)\"']?\s*\?)"

_ANSWER = (
    "answers?|ans|solution|verdict|conclusion|prediction"
    "|antwort|lösung|réponse|respuesta|resposta|risposta|antwoord|odpowied[zź](?: to)?|cevap"
    "|cevabı|jawaban(?:nya)?|đáp án|ответ|відповідь|答案|正解|答え|解答|回答|정답|답|الإجابة"
    "|الاجابة|الجواب|إجابة|उत्तर|जवाब|คำตอบ|απάντηση"
)
_OPTION = (
    "option|choice|selection|response|pick|guess|vote|letter|best|best match|closest|closest match"
    "|best fit|truth|statement|auswahl|wahl|choix|opción|alternativa|elección|opção|escolha"
    "|opzione|scelta|вариант|выбор|选项|選項|选择|選択肢|선택지|الخيار|विकल्प|pilihan|seçenek|optie"
)
_IS = (
    r"\b(?:is|was|are|be|being|as|ist|lautet|wäre|est|serait|es|sería|é|seria|è|sarebbe|adalah|là"
    r"|является|будет|هي|هو|คือ|είναι)\b"
    "|[:=→⇒]|[-=]>|[—–-]|(?<=[案项項])选|应?该?是|应?为|應?為|[은는はが选選]"
)
# Words that may stand between a phrase and its letter without changing what is said.
_FILLER_WORDS = (
    "the|a|an|option|choice|letter|answer|number|one|either|both|only|just|simply|clearly|most|more"
    "|likely|probably|definitely|certainly|actually|therefore|thus|hence|indeed|also|still|then|now"
    "|correct|right|best|accurate|accurately|labell?ed|with|that|it|it's|is|be|must|i'd|say|choose"
    "|pick|believe|i|think|die|der|das|antwort|la|le|les|l'option|réponse|l'|el|las|los|respuesta"
    "|opción|letra|a|o|opção|resposta|alternativa|il|risposta|opzione|l'opzione|lettera|вариант"
    "|буква|это|الخيار|het|optie|option|pilihan"
)
_FILLER = rf"""(?:(?:(?:{_FILLER_WORDS})(?!{_SAME_WORD})|选项|選項|选|選)[\s:,"'(\[]*){{0,8}}"""
_TO_LETTER = rf"""[\s:,."'(\[-]{{0,8}}{_FILLER}({LETTERS}){_NO_QUESTION}"""

_CHOOSE = (
    "choose|chose|choosing|select|selected|selecting|pick|picked|picking|go with|going with"
    "|went with|opt for|opting for|vote for|settle on|lean towards?|leaning towards?|say|answer"
    "|guess|conclude|bet on|believe|think|stick with|wähle|nehme|choisis|opte pour|选择?|選択?|應選"
)
_CHOOSE_ALONE = (
    "elijo|escojo|selecciono|escolho|seleciono|scelgo|выбираю|選ぶ|أختار|我选择?|应选择?|故选|因此选"
    "|所以选|应该选择?|选择?"
)
_SO = (
    "so|thus|therefore|hence|consequently|accordingly|donc|por lo tanto|por tanto|portanto|quindi"
    "|folglich|daher|значит|поэтому"
)
_POINTS_TO = (
    "is|was|must be|has to be|should be|would be|can only be|could only be|corresponds? to"
    "|match(?:es)?|points? to|aligns? with|supports?|leads? to|indicates?|fits?|agrees? with"
    "|leaves?|makes?|est|ist"
)
_SUBJECT = "it|this|that|which|(?:frame|image|video|clip|scene|picture|evidence|description)s?"
_CORRECT = (
    r"(?:correct|right|true|accurate|best|better|answer|likely|plausible|appropriate|closest|suitable"
    r"|richtige?|korrekt|correcte?|bonne|correct[ao]|cert[ao]|corrett[ao]|giust[ao]|верн\w+"
    r"|правильн\w+)\b(?!\s+(?:about|in|that|regarding|for|to say)\b)"
)
_ADVERBS = (
    "the|a|my|clearly|most|more|therefore|thus|indeed|definitely|probably|likely|also|only|to be"
    "|choice|option|die|la|el|l'|opción|réponse|respuesta|resposta|risposta|opção"
)
_REVISED = "actually|wait|correction|correct myself|i mean|scratch that|make that|rather|no"
_IS_CORRECT = (
    "is|are|seems?|looks?|appears?|would be|must be|should be|has to be|remains|ist|sind|est|es|é|è"
    "|—|-"
)

STATEMENTS = tuple(
    re.compile(pattern)
    for pattern in (
        # "the best option for [3] is B", "答案是B"
        rf"(?<!{_SAME_WORD})(?:{_ANSWER}|{_OPTION})(?!s?{_SAME_WORD}){_GAP}{{0,80}}?"
        rf"(?:{_IS}){_TO_LETTER}",
        # "Answer B", "Final answer\\nB"
        rf"(?<!{_SAME_WORD})(?:{_ANSWER})(?:\s+(?:choice|option))?[\s\"'(\[]{{0,4}}({LETTERS})"
        rf"{_NO_QUESTION}{_END}",
        # "I would go with option B"
        rf"\b(?:i|we|i'd|i'll|i'm|i've|let's|ich|je|j')\b{_GAP}{{0,30}}?\b(?:{_CHOOSE}){_TO_LETTER}",
        # "elijo la B", "选B": verbs that say who chooses
        rf"(?<!{_SAME_WORD})(?:{_CHOOSE_ALONE}){_TO_LETTER}",
        # "therefore, B"
        rf"(?:\b(?:{_SO})\b|[=-]>|[→⇒∴]|因此|所以|故|따라서|したがって){_TO_LETTER}{_END}",
        # "which corresponds to option B", "leaving only B"
        rf"\b(?:it's|that's|c'est|(?:{_SUBJECT})\s+(?:{_POINTS_TO})"
        rf"|leav(?:es|ing)(?:\s+us)?(?:\s+with)?){_TO_LETTER}",
        # "no wait, B"
        rf"\b(?:{_REVISED}){_TO_LETTER}{_END}",
        # "not A but B"
        rf"[{ASIDE}],?\s*(?:but|sondern|mais|sino|mas|ma|а|而是|而应){_TO_LETTER}",
        # "B is the correct answer"
        rf"({LETTERS})\)?\s*(?:option\s+|choice\s+)?"
        rf"(?:{_IS_CORRECT})\s+(?:(?:{_ADVERBS})\s+){{0,4}}{_CORRECT}",
        # "B best describes the scene", and other orders of the same words
        rf"({LETTERS})\)?\s*(?:best|correctly|accurately|most accurately|perfectly)\s+"
        r"(?:describes?|match(?:es)?|fits?|reflects?|captures?|answers?|represents?|aligns?|summari)",
        rf"({LETTERS})\s+(?:describes?|match(?:es)?|fits?){_GAP}{{0,60}}?"
        r"\b(?:best|most accurately|most closely)\b",
        rf"({LETTERS})\s+is the (?:only )?(?:one|option|choice) (?:that|which) "
        r"(?:fits|matches|agrees|describes|aligns)",
        rf"({LETTERS})\s+(?:fits|matches|describes it|works)\s+(?:better|best)\b",
        # "B项正确", "Bが正解"
        rf"({LETTERS})\s*(?:选项|選項|项|項)?\s*(?:是|最|为)?\s*(?:正确|正確|对的|符合|准确|合适)",
        rf"({LETTERS})\s*(?:が(?:正解|正し)|が 正解|입니다|[가이]\s*(?:정답|맞))",
    )
)

_NOT = (
    r"(?:\b(?:not|cannot|never|neither|nor|if|whether|unless|rul(?:e|ed|es|ing) out|eliminat\w+"
    r"|exclud\w+|discard\w*|dismiss\w*|instead of|rather than|unlike|except|doubt|nicht|kein\w*"
    r"|pas|não|nie|niet|non|не|no es|no sea|ليست?|không phải)\b|n't\b|不是|不选|不選|并非|排除"
    r"|而不是|不应选)"
)
_NOT_FILLER = (
    "to|be|been|were|was|would|could|should|can|have|sure|quite|necessarily|go|opt|for|select|match"
    "|matches|support|supports|correspond|corresponds|both|all|options|choices|answers|any|of|als"
    "|ist|était|que|é|è|là"
)
_WRONG = (
    r"(?:\s*(?:option|options|choices?|选项|選項|项|項)\b)?"
    r"(?:\s+(?:is|are|was|were|can|could|would|should|does|do|seems?|looks?|has|have|been|be|both|all"
    r"|the|only|also|clearly|therefore|thus|definitely|obviously|so|simply|just|then|est|ist|sind"
    r"|es|está|é|è|sont)\b)*\s*"
    r"(?:(?:n't|not|never|cannot|can't|don't|doesn't|incorrect\w*|wrong|false|inaccurate|untrue"
    r"|ruled out|eliminated|excluded|discarded|dismissed|out|unlikely|impossible|contradict\w*"
    r"|fails?|misses|falsch|nicht|scheide\w+|n'est pas|fausse|incorrect[ao]|no es|não é|errad[ao]"
    r"|falsa|non è|sbagliat[ao]|errat[ao]|неверн\w+|не|değil|yanlış|salah|bukan)\b"
    r"|(?:是)?(?:也)?(?:不|错|錯|有误)|[はでも]*(?:ない|なく|間違|誤|不正解|違)|[는은가이]?\s*(?:아니|아닙|틀))"
)
TURNED_DOWN = (
    re.compile(
        rf"{_NOT}(?:[\s\"'(]*(?:{_FILLER_WORDS}|{_NOT_FILLER})(?!{_SAME_WORD})){{0,8}}"
        rf"(?:选项|選項)?[\s\"'(]*{LETTERS}"
    ),
    re.compile(rf"{LETTERS}\)?{_WRONG}"),
)
# A letter after a negation anywhere in its clause ("no evidence for D") is not offered as an answer
# unless a statement says so.
NEGATED_CLAUSE = re.compile(
    r"(?:\b(?:no|not|never|none|nothing|nobody|nowhere|neither|nor|without|hard|hardly|cannot|nicht"
    r"|kein\w*|pas|não|non|не|нет)\b|n't\b|[不没沒無无])"
    rf"[^.!?;:,。！？，\n{STRONG}{WEAK}{ASIDE}]{{0,80}}{LETTERS}"
)

REFUSAL = re.compile(
    r"\b(?:can(?:no|')t|can not|could(?:n't| not)|unable to|not able to|(?:im|not )possible to"
    r"|hard to|difficult to)\s+(?:\w+\s+){0,3}?(?:determine|answer|tell|see|identify|provide"
    r"|choose|view|verify|access|assist|help|process|analy[sz]e|watch|be determined|say|know"
    r"|confirm|decide|make out|conclude|select|pick|recogni[sz]e)\b"
    r"|\b(?:do(?:es)? not|don't|doesn't|won't|will not) (?:allow|answer|permit)\b"
    r"|\btoo \w+ (?:for me )?to (?:tell|see|determine|make out|say)\b"
    r"|\b(?:i|we) (?:do not|don't) (?:know|have)\b|\bi'm sorry\b|\bsorry, (?:but )?i\b"
    r"|\b(?:not enough|insufficient|no) (?:information|context|evidence)\b"
    r"|\bno (?:image|video|picture|frames?)\b.{0,20}\b(?:provided|attached|given|shown|available)\b"
    r"|\bplease (?:upload|provide|share|attach)\b|\bas an ai\b|\bunclear\b"
    r"|无法|無法|不能确定|抱歉|对不起|不知道|看不清|分かりません|わかりません|判断できません|できません"
    r"|\bno puedo\b|\bno se puede\b|\bne peux pas\b|\bimpossible de\b|\bkann (?:ich )?nicht\b"
    r"|\bnicht (?:bestimm|erkenn|möglich)\w*|\bnão (?:consigo|posso|é possível)\b"
    r"|\bnon (?:posso|è possibile|riesco)\b|\bне могу\b|\bневозможно\b|لا أستطيع|لا يمكن"
    r"|알 수 없|할 수 없"
)
NONE_OR_ALL = re.compile(
    r"\b(?:none|neither) of (?:the |these |those )?(?:\w+ )?(?:above|options|choices|answers)\b"
    r"|\bnone of (?:these|those|them)[.!]*$|\ball of the above\b"
    r"|\bno (?:correct |given |listed )?(?:option|choice|answer)s? (?:is|are|fits?|match(?:es)?)\b"
    r"|以上(?:都|皆|均)不|都不(?:对|正确|是)|keine der|aucune des|ninguna de|nenhuma das"
    r"|nessuna delle|ни один из|どれでもない|해당 없음"
)
